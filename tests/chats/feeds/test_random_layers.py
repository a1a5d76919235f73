"""Under a layer that drops, doubles, swaps and delays at random, every listener gets every event once, in order."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from auth.models import User
from chats.events import DurableEvent, EphemeralEvent, encode
from chats.feeds import publish as publish_module
from chats.feeds.hub import Hub
from chats.feeds.publish import EVENTS
from chats.models import Chat
from chats.services import edit_message
from foundation.database import in_thread
from foundation.redis import close_async_redis
from tests.chats.feeds.listeners import Listener
from tests.factories import make_group, make_users, say

pytestmark = pytest.mark.django_db(transaction=True)

FATES = ("deliver", "drop", "double", "delay", "delay twice")
happening = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(FATES)),
    st.tuples(st.just("edit"), st.sampled_from(FATES)),
    st.tuples(st.just("burst"), st.sampled_from(FATES)),
    st.sampled_from([("join", ""), ("leave", ""), ("release", ""), ("release backwards", ""), ("turn", "")]),
)


@dataclass
class FaultyLayer:
    """A channel layer of one process; the test decides which messages arrive, and when."""

    queue: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    groups: set[str] = field(default_factory=set)
    delayed: list[Any] = field(default_factory=list)

    async def new_channel(self, prefix: str = "") -> str:
        return prefix

    async def receive(self, channel: str) -> Any:
        return await self.queue.get()

    async def send(self, channel: str, message: Any) -> None:
        self.queue.put_nowait(message)

    async def group_add(self, group: str, channel: str) -> None:
        await asyncio.sleep(0)
        self.groups.add(group)

    async def group_discard(self, group: str, channel: str) -> None:
        await asyncio.sleep(0)
        self.groups.discard(group)

    async def flush(self) -> None:
        raise AssertionError("the layer was restarted")

    def carry(self, fate: str, message: Any) -> None:
        """Deliver, drop, double or delay one message, as `fate` says."""
        copies = {"deliver": 1, "double": 2}.get(fate, 0)
        for _ in range(copies):
            self.queue.put_nowait(message)
        if fate.startswith("delay"):
            self.delayed += [message] * (2 if fate == "delay twice" else 1)

    def release(self, *, backwards: bool = False) -> None:
        """Deliver the delayed messages."""
        waiting, self.delayed = self.delayed, []
        for message in reversed(waiting) if backwards else waiting:
            self.queue.put_nowait(message)


class Scenario:
    """A chat, its writer, a hub over a faulty layer, and listeners that come and go."""

    def __init__(self, published: list[DurableEvent], writer: User, chat: Chat) -> None:
        self._published = published
        self._writer = writer
        self._chat = chat
        self._layer = FaultyLayer()
        self._hub = Hub(self._layer)
        self._listening: list[tuple[Listener, int]] = []
        self._gone: list[tuple[Listener, int, list[int]]] = []
        self._message_id = 0

    async def run(self, happenings: list[tuple[str, str]]) -> None:
        """Let everything happen, in order, and then check every listener."""
        try:
            await self._join()
            for what, fate in happenings:
                await self._happen(what, fate)
            last = await self._write("drop")
            for listener, begin in self._listening:
                await listener.until(lambda one: one.seqs and one.seqs[-1] >= last)
                assert listener.seqs == list(range(begin + 1, last + 1))
            for listener, begin, seqs in self._gone:
                assert listener.seqs == seqs == list(range(begin + 1, begin + 1 + len(seqs)))
        finally:
            await self._hub.close()
            await close_async_redis()

    async def _happen(self, what: str, fate: str) -> None:
        match what:
            case "write" | "edit":
                await self._write(fate, edits=what == "edit")
            case "burst":
                await asyncio.gather(*(self._write(fate) for _ in range(4)))
            case "join":
                await self._join()
            case "leave":
                if self._listening:
                    listener, begin = self._listening.pop(0)
                    self._hub.leave(self._chat.pk, listener)
                    self._gone.append((listener, begin, list(listener.seqs)))
            case "turn":
                await asyncio.sleep(0)
            case _:
                self._layer.release(backwards=what == "release backwards")

    async def _join(self) -> None:
        listener = Listener()
        feed = await self._hub.listen(self._chat.pk, listener)
        assert feed is not None
        self._listening.append((listener, feed.last_seq))

    async def _write(self, fate: str, *, edits: bool = False) -> int:
        if edits and self._message_id:
            text = f"edited {len(self._published)} {fate}"
            await in_thread(edit_message, self._writer.pk, self._message_id, text)
        else:
            self._message_id = (await in_thread(say, self._writer, self._chat)).pk
        events, self._published[:] = list(self._published), []
        for event in events:
            self._layer.carry(fate, {"type": EVENTS, "chat": self._chat.pk, "events": [encode(event)]})
        return max([event.seq for event in events], default=0)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[DurableEvent]:
    """The events that were published and not carried yet."""
    events: list[DurableEvent] = []

    def publish(*published: DurableEvent | EphemeralEvent) -> None:
        events.extend(event for event in published if isinstance(event, DurableEvent))

    monkeypatch.setattr(publish_module, "publish", publish)
    settings.FEED_GAP_WAIT_MS = 1
    settings.FEED_PROBE_SECONDS = 0.02
    settings.FEED_POLL_SECONDS = 0.04
    settings.FEED_LINGER_SECONDS = 0.001
    settings.FEED_LOG_PAGE = 3
    settings.FEED_HELD_EVENTS = 4
    return events


@hypothesis_settings(
    max_examples=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(happenings=st.lists(happening, max_size=25))
def test_every_listener_gets_every_event_once_in_order(
    published: list[DurableEvent], happenings: list[tuple[str, str]]
) -> None:
    writer, other = make_users(2)
    chat = make_group(writer, other)
    published.clear()
    asyncio.run(Scenario(published, writer, chat).run(happenings))
