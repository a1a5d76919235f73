"""ReorderingBuffer: with the gaps filled, each seq is returned once, in order, whatever the order of arrival."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chats.events import MessageDeleted
from chats.feeds.early_events import EarlyEvents
from chats.feeds.reordering_buffer import ReorderingBuffer
from chats.log.event_sizes import event_bytes
from foundation.memory_budget import MemoryBudget

LAST = 30
arrivals = st.lists(st.integers(1, LAST), max_size=3 * LAST)


def event(seq: int) -> MessageDeleted:
    """An event with this seq."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return MessageDeleted(chat_id=1, seq=seq, at=at, actor=None, message_id=1, message_seq=1)


def offered(buffer: ReorderingBuffer, *seqs: int) -> list[int]:
    return [due.seq for due in buffer.offer(event(seq) for seq in seqs)]


def fill(buffer: ReorderingBuffer, page: int) -> list[int]:
    """Fill every gap, a page at a time, as the feed does from the log."""
    due: list[int] = []
    while (gap := buffer.gap) is not None:
        first, last = gap
        assert first <= last
        due += offered(buffer, *range(first, min(last, first + page - 1) + 1))
    return due


@given(
    start=st.integers(0, LAST - 1),
    groups=st.lists(st.tuples(arrivals, st.booleans()), max_size=6),
    capacity=st.integers(1, LAST),
    page=st.integers(1, LAST),
)
def test_with_gaps_filled_each_seq_is_returned_once_in_order(
    start: int, groups: list[tuple[list[int], bool]], capacity: int, page: int
) -> None:
    buffer = ReorderingBuffer(start, EarlyEvents(capacity, MemoryBudget(1_000_000)))
    due: list[int] = []
    for seqs, fills in groups:
        due += offered(buffer, *seqs)
        assert len(buffer._early.events) <= capacity
        assert buffer.newest_seq == max([start, *due, buffer.newest_seq])
        if fills:
            due += fill(buffer, page)
            assert not buffer.is_behind
    buffer.expect(LAST)  # as the poll does
    due += fill(buffer, page)
    assert due == list(range(start + 1, LAST + 1))
    assert (buffer.last_seq, buffer.newest_seq, buffer._early.events) == (LAST, LAST, {})


@given(start=st.integers(0, LAST), seqs=arrivals)
def test_due_events_are_returned_at_once_and_never_again(start: int, seqs: list[int]) -> None:
    buffer = ReorderingBuffer(start, EarlyEvents(1000, MemoryBudget(1_000_000)))
    seen: set[int] = set()
    due: list[int] = []
    for seq in seqs:
        due += offered(buffer, seq)
        seen.add(seq)
        expected = start
        while expected + 1 in seen:
            expected += 1
        assert buffer.last_seq == expected
    assert due == list(range(start + 1, buffer.last_seq + 1))


@given(before=arrivals, skipped=st.integers(0, LAST), after=arrivals)
def test_nothing_is_returned_that_was_skipped(before: list[int], skipped: int, after: list[int]) -> None:
    buffer = ReorderingBuffer(0, EarlyEvents(1000, MemoryBudget(1_000_000)))
    offered(buffer, *before)
    last = buffer.last_seq
    buffer.skip_to(skipped)
    assert buffer.last_seq == max(last, skipped)
    due = offered(buffer, *after)
    assert due == list(range(max(last, skipped) + 1, buffer.last_seq + 1))
    assert all(early > buffer.last_seq for early in buffer._early.events)


@pytest.mark.parametrize(
    ("seqs", "gap"),
    [((), None), ((6,), None), ((7,), (6, 6)), ((9, 12), (6, 8)), ((6, 9), (7, 8)), ((5, 3), None)],
)
def test_the_first_gap(seqs: tuple[int, ...], gap: tuple[int, int] | None) -> None:
    buffer = ReorderingBuffer(5, EarlyEvents(1000, MemoryBudget(1_000_000)))
    offered(buffer, *seqs)
    assert buffer.gap == gap


def test_expect_shows_a_gap_at_the_end() -> None:
    buffer = ReorderingBuffer(5, EarlyEvents(1000, MemoryBudget(1_000_000)))
    gaps = []
    for seq in (4, 9):
        buffer.expect(seq)
        gaps.append(buffer.gap)
    assert offered(buffer, 8) == []
    assert [*gaps, buffer.gap] == [None, (6, 9), (6, 7)]


@given(arrivals=st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(1, LAST)), max_size=80))
def test_chats_that_share_a_small_budget_lose_nothing(arrivals: list[tuple[int, int]]) -> None:
    budget = MemoryBudget(4 * event_bytes(event(1)))
    early = [EarlyEvents(1000, budget), EarlyEvents(1000, budget)]
    buffers = [ReorderingBuffer(0, one) for one in early]
    due: list[list[int]] = [[], []]
    for index, seq in arrivals:
        due[index] += offered(buffers[index], seq)
        assert budget.total == sum(len(one.events) for one in early) * event_bytes(event(1))
        counts = [len(one.events) for one in early]
        assert min(counts) == 0 or sum(counts) <= 4
    for index, buffer in enumerate(buffers):
        buffer.expect(LAST)
        due[index] += fill(buffer, LAST)
    assert due == [list(range(1, LAST + 1))] * 2
    assert budget.total == 0
