"""Whatever a layer drops, doubles or swaps: with its gaps filled from the log, each seq is handed on once, in order."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chats.events import MessageDeleted
from chats.feeds.held import Held
from chats.feeds.sequence import Sequence
from chats.sizes import held_bytes
from foundation.budget import Budget

LAST = 30
arrivals = st.lists(st.integers(1, LAST), max_size=3 * LAST)


def event(seq: int) -> MessageDeleted:
    """Some event of this seq."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return MessageDeleted(chat_id=1, seq=seq, at=at, actor=None, message_id=1, message_seq=1)


def offered(sequence: Sequence, *seqs: int) -> list[int]:
    return [due.seq for due in sequence.offer(event(seq) for seq in seqs)]


def fill(sequence: Sequence, page: int) -> list[int]:
    """Read every gap, a page at a time, as the hub does from the log."""
    due: list[int] = []
    while (gap := sequence.gap) is not None:
        first, last = gap
        assert first <= last
        due += offered(sequence, *range(first, min(last, first + page - 1) + 1))
    return due


@given(
    start=st.integers(0, LAST - 1),
    groups=st.lists(st.tuples(arrivals, st.booleans()), max_size=6),
    capacity=st.integers(1, LAST),
    page=st.integers(1, LAST),
)
def test_any_order_with_gaps_filled_is_each_once_in_order(
    start: int, groups: list[tuple[list[int], bool]], capacity: int, page: int
) -> None:
    sequence = Sequence(start, Held(capacity, Budget(1_000_000)))
    due: list[int] = []
    for seqs, heals in groups:
        due += offered(sequence, *seqs)
        assert len(sequence._held) <= capacity
        assert sequence.newest == max([start, *due, sequence.newest])
        if heals:
            due += fill(sequence, page)
            assert not sequence.is_behind
    sequence.expect(LAST)  # what the poll says
    due += fill(sequence, page)
    assert due == list(range(start + 1, LAST + 1))
    assert (sequence.last, sequence.newest, sequence._held.events) == (LAST, LAST, {})


@given(start=st.integers(0, LAST), seqs=arrivals)
def test_what_is_due_is_handed_on_at_once_and_never_again(start: int, seqs: list[int]) -> None:
    sequence = Sequence(start, Held(1000, Budget(1_000_000)))
    seen: set[int] = set()
    due: list[int] = []
    for seq in seqs:
        due += offered(sequence, seq)
        seen.add(seq)
        expected = start
        while expected + 1 in seen:
            expected += 1
        assert sequence.last == expected
    assert due == list(range(start + 1, sequence.last + 1))


@given(before=arrivals, leap=st.integers(0, LAST), after=arrivals)
def test_after_a_leap_nothing_from_before_it_comes(before: list[int], leap: int, after: list[int]) -> None:
    sequence = Sequence(0, Held(1000, Budget(1_000_000)))
    offered(sequence, *before)
    last = sequence.last
    sequence.leap(leap)
    assert sequence.last == max(last, leap)
    due = offered(sequence, *after)
    assert due == list(range(max(last, leap) + 1, sequence.last + 1))
    assert all(held > sequence.last for held in sequence._held.events)


@pytest.mark.parametrize(
    ("seqs", "gap"),
    [((), None), ((6,), None), ((7,), (6, 6)), ((9, 12), (6, 8)), ((6, 9), (7, 8)), ((5, 3), None)],
)
def test_the_first_gap(seqs: tuple[int, ...], gap: tuple[int, int] | None) -> None:
    sequence = Sequence(5, Held(1000, Budget(1_000_000)))
    offered(sequence, *seqs)
    assert sequence.gap == gap


def test_a_gap_at_the_end_is_known_from_elsewhere() -> None:
    sequence = Sequence(5, Held(1000, Budget(1_000_000)))
    gaps = []
    for seq in (4, 9):
        sequence.expect(seq)
        gaps.append(sequence.gap)
    assert offered(sequence, 8) == []
    assert [*gaps, sequence.gap] == [None, (6, 9), (6, 7)]


@given(arrivals=st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(1, LAST)), max_size=80))
def test_chats_that_share_a_small_budget_lose_nothing(arrivals: list[tuple[int, int]]) -> None:
    budget = Budget(4 * held_bytes(event(1)))
    held = [Held(1000, budget), Held(1000, budget)]
    sequences = [Sequence(0, one) for one in held]
    due: list[list[int]] = [[], []]
    for index, seq in arrivals:
        due[index] += offered(sequences[index], seq)
        assert budget.total == sum(len(one) for one in held) * held_bytes(event(1))
        assert min(map(len, held)) == 0 or sum(map(len, held)) <= 4
    for index, sequence in enumerate(sequences):
        sequence.expect(LAST)
        due[index] += fill(sequence, LAST)
    assert due == [list(range(1, LAST + 1))] * 2
    assert budget.total == 0
