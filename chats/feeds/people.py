"""The feeds of people that this process follows: control messages, and word that somebody has joined a chat."""

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from redis.exceptions import RedisError

from chats.feeds.names import user_feed
from chats.feeds.publish import CONTROL, MEMBERSHIP

logger = logging.getLogger(__name__)

ControlListener = Callable[[bytes], None]
MembershipListener = Callable[[], None]

# How many chats a person is in, and the newest membership: changes with every joining and leaving.
MembershipMark = tuple[int, int]


class Layer(Protocol):
    """The part of a channel layer that is used here."""

    async def group_add(self, group: str, channel: str) -> None: ...

    async def group_discard(self, group: str, channel: str) -> None: ...


class People:
    """Who listens to whom; a person's group is joined while somebody does. `channel` answers once the hub has one."""

    def __init__(self, layer: Layer, channel: Callable[[], Awaitable[str]]) -> None:
        self._layer = layer
        self._channel = channel
        self._control: dict[int, set[ControlListener]] = {}
        self._memberships: dict[int, set[MembershipListener]] = {}
        self._marks: dict[int, MembershipMark] = {}
        self._in_group: set[int] = set()
        self._locks: weakref.WeakValueDictionary[int, asyncio.Lock] = weakref.WeakValueDictionary()

    async def listen_control(self, user_id: int, listener: ControlListener) -> None:
        """Get the control messages for one person from now on; while Redis is away, from its return on."""
        self._control.setdefault(user_id, set()).add(listener)
        await self.align(user_id)

    async def listen_memberships(self, user_id: int, listener: MembershipListener) -> None:
        """Be told when this person may have joined a chat."""
        self._memberships.setdefault(user_id, set()).add(listener)
        await self.align(user_id)

    def forget(self, user_id: int, listener: ControlListener | MembershipListener) -> None:
        """Stop listening; `align` then leaves the group."""
        for listeners in (self._control, self._memberships):
            of_user: set[Any] = listeners.get(user_id, set())
            of_user.discard(listener)
            if not of_user:
                listeners.pop(user_id, None)
        if user_id not in self._memberships:
            self._marks.pop(user_id, None)

    def take(self, message: Mapping[str, Any]) -> None:
        """A message of the layer for a person."""
        user_id = message["user"]
        if message["type"] == CONTROL:
            for listener in tuple(self._control.get(user_id, ())):
                listener(message["body"])
        elif message["type"] == MEMBERSHIP:
            self._tell_memberships(user_id)

    async def align(self, user_id: int) -> None:
        """Be in the person's group exactly while somebody listens."""
        async with self._locks.setdefault(user_id, asyncio.Lock()):
            wanted = user_id in self._control or user_id in self._memberships
            if wanted == (user_id in self._in_group):
                return
            try:
                channel = await self._channel()
                if wanted:
                    await self._layer.group_add(user_feed(user_id), channel)
                    self._in_group.add(user_id)
                else:
                    self._in_group.discard(user_id)
                    await self._layer.group_discard(user_feed(user_id), channel)
            except (RedisError, OSError):
                logger.warning("User %d: Redis is away; their feed is joined or left later", user_id)

    async def align_all(self) -> None:
        """Join and leave what Redis's absence has left undone."""
        for user_id in (self._control.keys() | self._memberships.keys()) ^ self._in_group:
            await self.align(user_id)

    def membership_listeners(self) -> list[int]:
        """Whose memberships somebody wants to know of."""
        return list(self._memberships)

    def compare(self, marks: Iterable[tuple[int, MembershipMark]]) -> None:
        """What the database says of their memberships: tell those whose mark has changed."""
        for user_id, mark in marks:
            if user_id in self._memberships and self._marks.get(user_id) != mark:
                self._marks[user_id] = mark
                self._tell_memberships(user_id)

    def _tell_memberships(self, user_id: int) -> None:
        for listener in tuple(self._memberships.get(user_id, ())):
            listener()
