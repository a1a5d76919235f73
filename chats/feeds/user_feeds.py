"""The feeds of people that this process follows: control messages, and word that somebody has joined a chat."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chats.feeds.group_names import user_group
from chats.feeds.layer_channel import LayerChannel
from chats.feeds.publish import CONTROL, MEMBERSHIP

ControlListener = Callable[[bytes], None]
MembershipListener = Callable[[], None]

# How many chats a person is in, and the newest membership: changes with every joining and leaving.
MembershipMark = tuple[int, int]


class UserFeeds:
    """Who listens to whom; the group that carries a person's messages is joined while somebody does."""

    def __init__(self, channel: LayerChannel) -> None:
        self._channel = channel
        self._control: dict[int, set[ControlListener]] = {}
        self._memberships: dict[int, set[MembershipListener]] = {}
        self._marks: dict[int, MembershipMark] = {}
        self._followed: dict[str, set[int]] = {}

    async def listen_control(self, user_id: int, listener: ControlListener) -> None:
        """Get the control messages for one person from now on; while Redis is away, from its return on."""
        self._control.setdefault(user_id, set()).add(listener)
        await self._follow(user_id)

    async def listen_memberships(self, user_id: int, listener: MembershipListener) -> None:
        """Be told when this person may have joined a chat."""
        self._memberships.setdefault(user_id, set()).add(listener)
        await self._follow(user_id)

    def forget(self, user_id: int, listener: ControlListener | MembershipListener) -> bool:
        """Stop listening. True if the link has a group to leave."""
        for listeners in (self._control, self._memberships):
            of_user: set[Any] = listeners.get(user_id, set())
            of_user.discard(listener)
            if not of_user:
                listeners.pop(user_id, None)
        if user_id not in self._memberships:
            self._marks.pop(user_id, None)
        if user_id in self._control or user_id in self._memberships:
            return False
        group = user_group(user_id)
        followed = self._followed.get(group, set())
        followed.discard(user_id)
        if followed:
            return False
        self._followed.pop(group, None)
        return self._channel.leave(group)

    async def _follow(self, user_id: int) -> None:
        group = user_group(user_id)
        self._followed.setdefault(group, set()).add(user_id)
        await self._channel.join(group)

    def take(self, message: Mapping[str, Any]) -> None:
        """A message of the layer for a person."""
        user_id = message["user"]
        if message["type"] == CONTROL:
            for listener in tuple(self._control.get(user_id, ())):
                listener(message["body"])
        elif message["type"] == MEMBERSHIP:
            self.tell_memberships(user_id)

    def membership_listeners(self) -> list[int]:
        """Whose memberships somebody wants to know of."""
        return list(self._memberships)

    def compare(self, marks: Iterable[tuple[int, MembershipMark]]) -> None:
        """What the database says of their memberships: tell those whose mark has changed."""
        for user_id, mark in marks:
            if user_id in self._memberships and self._marks.get(user_id) != mark:
                self._marks[user_id] = mark
                self.tell_memberships(user_id)

    def tell_memberships(self, user_id: int) -> None:
        """This person may have joined a chat."""
        for listener in tuple(self._memberships.get(user_id, ())):
            listener()
