"""A listener that records what it gets, for tests of the hub."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from channels.layers import get_channel_layer

from auth.models import User
from chats.events import DurableEvent, EphemeralEvent
from chats.feeds.chat_feed import ChatFeed
from chats.feeds.hub import get_hub
from chats.models import Chat
from foundation.database import in_thread
from tests.factories import make_group, make_users

TIMEOUT_SECONDS = 30


class Listener:
    """A ChatListener: `seqs` of the durable events, `ephemeral` the other events, `holes` the seqs of holes."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.ephemeral: list[EphemeralEvent] = []
        self.holes: list[int] = []
        self._changed = asyncio.Event()

    def on_events(self, events: Sequence[DurableEvent]) -> None:
        """The next events."""
        self.seqs += [event.seq for event in events]
        self._changed.set()

    def on_ephemeral(self, event: EphemeralEvent) -> None:
        """An event that the log does not have."""
        self.ephemeral.append(event)
        self._changed.set()

    def on_hole(self, seq: int) -> None:
        """The log lacks events up to `seq`."""
        self.holes.append(seq)
        self._changed.set()

    async def until(self, check: Callable[["Listener"], object]) -> None:
        """Wait until `check` is true of the listener."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not check(self):
                self._changed.clear()
                await self._changed.wait()


async def listen(chat: Chat) -> tuple[Listener, ChatFeed]:
    """Listen to a chat with a new listener."""
    listener = Listener()
    feed = await get_hub().listen(chat.pk, listener)
    assert feed is not None
    return listener, feed


async def a_chat() -> tuple[User, User, Chat]:
    """Two people and their group; its last seq is 2."""

    def make() -> tuple[User, User, Chat]:
        ann, bob = make_users(2)
        return ann, bob, make_group(ann, bob)

    return await in_thread(make)


def groups_of_the_layer() -> dict[str, set[str]]:
    """The groups that this process is in."""
    layer: Any = get_channel_layer()
    groups: dict[str, set[str]] = layer.groups
    return groups


async def eventually(check: Callable[[], object]) -> None:
    """Wait until `check` is true, for conditions without an event to wait for."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not check():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.001)
