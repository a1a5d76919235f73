"""The ring and the pages of older events: bounded by events, by bytes, and by the budget of all chats."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from auth.models import User
from chats.events import DurableEvent, MessageEdited, MessagePosted
from chats.log.event_sizes import event_bytes
from chats.models import Chat
from foundation.database import in_thread
from foundation.memory_budget import MemoryBudget
from schema.live.delivery.live_chats import live_chats
from schema.live.memory.ring import EventRing
from tests.chats.log.test_event_sizes import posted
from tests.factories import make_group, make_users, say
from tests.schema.live.outlets import PER_VIEWER, SHARED, follow_ready

MAX_BYTES = 30_000


def event(seq: int, size: int) -> MessagePosted:
    found = posted(seq, "x" * size)
    assert isinstance(found, MessagePosted)
    return msgspec.structs.replace(
        found, seq=seq, message=msgspec.structs.replace(found.message, id=seq, seq=seq)
    )


def edit(seq: int, of: int, size: int) -> MessageEdited:
    found = event(seq, size)
    message = msgspec.structs.replace(found.message, id=of)
    return MessageEdited(chat_id=found.chat_id, seq=seq, at=found.at, actor=found.actor, message=message)


def events_in(ring: EventRing) -> list[DurableEvent]:
    found = [ring.get(seq) for seq in range(ring.first, ring.last + 1)]
    return [one for one in found if one is not None]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("post"), st.integers(0, 0), st.integers(0, 40_000)),
            st.tuples(st.just("edit"), st.integers(1, 20), st.integers(0, 4000)),
        )
    )
)
def test_it_keeps_the_newest_events_within_its_bounds(steps: list[tuple[str, int, int]]) -> None:
    budget = MemoryBudget(10 * MAX_BYTES)
    ring = EventRing(0, 8, MAX_BYTES, budget)
    for seq, (kind, of, size) in enumerate(steps, start=1):
        before = {one.seq for one in events_in(ring)}
        changed = ring.append(event(seq, size) if kind == "post" else edit(seq, of, size))
        found = events_in(ring)
        assert ring.last == seq
        assert len(found) == ring.last + 1 - ring.first <= 8
        assert budget.total == ring._bytes == sum(map(event_bytes, found)) <= MAX_BYTES
        assert before - {one.seq for one in found} <= {*changed}
    ring.clear()
    assert (budget.total, ring.first, ring.last) == (0, len(steps) + 1, len(steps))


@given(st.lists(st.integers(0, 9000), max_size=12), st.lists(st.integers(0, 9000), min_size=1, max_size=12))
def test_older_events_are_prepended_as_far_as_they_fit(older: list[int], newer: list[int]) -> None:
    budget = MemoryBudget(MAX_BYTES)
    ring = EventRing(len(older), 16, MAX_BYTES, budget)
    for seq, size in enumerate(newer, start=len(older) + 1):
        ring.append(event(seq, size))
    first = ring.first
    past = [event(seq, size) for seq, size in enumerate(older, start=1)]
    ring.prepend(past)
    found = events_in(ring)
    assert ring.last == len(older) + len(newer)
    assert budget.total == sum(map(event_bytes, found)) <= MAX_BYTES
    if first == len(older) + 1 and ring.first > 1 and len(found) < 16:
        assert budget.total + event_bytes(past[ring.first - 2]) > MAX_BYTES


async def a_group(messages: int, size: int) -> tuple[User, User, Chat]:
    def make() -> tuple[User, User, Chat]:
        ann, bob = make_users(2)
        chat = make_group(ann, bob)
        for _ in range(messages):
            say(ann, chat, "x" * size)
        return ann, bob, chat

    return await in_thread(make)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("query", [SHARED, PER_VIEWER], ids=["shared", "per viewer"])
@pytest.mark.parametrize("most", [1, 5000, 20_000])
async def test_with_little_memory_nothing_is_lost(query: str, most: int, settings: Settings) -> None:
    """The log has what memory has no room for: replays, slow clients, and two chats that evict each other."""
    settings.FEED_RING_BYTES = most
    settings.FEED_MEMORY_BYTES = most
    settings.FEED_LOG_PAGE = 5
    ann, bob, chat = await a_group(12, 900)
    _, _, other = await a_group(0, 0)
    slow, replayed = await follow_ready(bob, chat, since=0, query=query)
    assert replayed == 14
    assert await slow.outlet.seqs(14) == list(range(1, 15))
    slow.close()
    watcher, _ = await follow_ready(ann, chat)
    for number in range(9):
        await in_thread(say, ann, chat, "y" * 900)
        assert await watcher.outlet.seqs(1) == [15 + number]
        assert live_chats().budget.total <= max(most, 3000)
    assert other.pk not in live_chats().open_chats
    slow.reopen()
    assert await slow.outlet.seqs(9) == list(range(15, 24))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hub")
async def test_chats_that_are_not_used_are_evicted(settings: Settings) -> None:
    settings.FEED_MEMORY_BYTES = 30_000
    followed = [await a_group(8, 1000) for _ in range(6)]
    for ann, _bob, chat in followed:
        watcher, _ = await follow_ready(ann, chat, since=0)
        assert await watcher.outlet.seqs(10) == list(range(1, 11))
        assert live_chats().budget.total <= 30_000
    chats = [live_chats().open_chats[chat.pk] for _, _, chat in followed]
    assert [chat.memory.in_ring(10) for chat in chats][-1]
    assert not chats[0].memory.in_ring(10)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hub")
async def test_a_closed_chat_frees_its_memory(settings: Settings) -> None:
    settings.FEED_RING_EVENTS = 4
    ann, _bob, chat = await a_group(8, 100)
    watcher, _ = await follow_ready(ann, chat, since=0)
    assert await watcher.outlet.seqs(10) == list(range(1, 11))
    live = live_chats().open_chats[chat.pk]
    assert live_chats().budget.total > 10 * 900
    watcher.stop()
    live.close()
    assert live_chats().budget.total == 0
