"""Lookups of one turn of the loop, made together."""

import asyncio
from collections.abc import Mapping

import pytest

from foundation.batching import Batcher, LookupCut


class Source:
    """Answers even numbers; `asked` is what it was asked for, lookup by lookup."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.error: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def fetch(self, keys: list[int]) -> Mapping[int, str]:
        """Look up."""
        self.asked.append(keys)
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return {key: f"{key}" for key in keys if key % 2 == 0}


async def test_one_lookup_for_all_who_ask_in_one_turn() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    assert await asyncio.gather(*map(batcher.load, [2, 3, 4, 2])) == ["2", None, "4", "2"]
    assert source.asked == [[2, 3, 4]]


async def test_nothing_is_remembered() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    for _ in range(2):
        assert await batcher.load(2) == "2"
    assert source.asked == [[2], [2]]


async def test_who_asks_while_a_lookup_runs_gets_another() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    source.may_answer.clear()
    first = asyncio.create_task(batcher.load(2))
    while not source.asked:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0)
    second = asyncio.create_task(batcher.load(2))
    source.may_answer.set()
    assert (await first, await second) == ("2", "2")
    assert source.asked == [[2], [2]]


async def test_an_error_reaches_all_who_asked_and_not_the_next() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    source.error = LookupError("away")
    outcomes = await asyncio.gather(batcher.load(2), batcher.load(4), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LookupError, LookupError]
    source.error = None
    assert await batcher.load(2) == "2"


@pytest.mark.parametrize("leaving", [0, 1])
async def test_who_leaves_takes_nothing_from_the_others(leaving: int) -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    source.may_answer.clear()
    tasks = [asyncio.create_task(batcher.load(2)) for _ in range(2)]
    while not source.asked:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0)
    tasks[leaving].cancel()
    source.may_answer.set()
    assert await tasks[1 - leaving] == "2"
    with pytest.raises(asyncio.CancelledError):
        await tasks[leaving]


async def test_all_leave_and_the_lookup_fails_unheard() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    source.error = LookupError("away")
    task = asyncio.create_task(batcher.load(2))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    source.error = None
    assert await batcher.load(2) == "2"


async def test_in_turn_there_is_one_lookup_at_a_time() -> None:
    source = Source()
    batcher = Batcher(source.fetch, in_turn=True)
    source.may_answer.clear()
    first = asyncio.create_task(batcher.load(2))
    while not source.asked:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0)
    later = []
    for key in (4, 6, 3):
        later.append(asyncio.create_task(batcher.load(key)))
        await asyncio.sleep(0)
    assert source.asked == [[2]]
    source.may_answer.set()
    assert await first == "2"
    assert [await task for task in later] == ["4", "6", None]
    assert source.asked == [[2], [4, 6, 3]]


@pytest.mark.parametrize("turns", [1, 3], ids=["before it begins", "while it runs"])
@pytest.mark.parametrize("in_turn", [False, True])
async def test_nobody_waits_for_a_lookup_that_was_cancelled(turns: int, in_turn: bool) -> None:
    source = Source()
    batcher = Batcher(source.fetch, in_turn=in_turn)
    source.may_answer.clear()
    callers = [asyncio.create_task(batcher.load(key)) for key in (2, 4)]
    while not batcher._tasks:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0)
    (lookup,) = batcher._tasks
    for _ in range(turns - 1):
        await asyncio.sleep(0)
    assert bool(source.asked) is (turns > 1)
    lookup.cancel()
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LookupCut, LookupCut]
    source.may_answer.set()
    assert await batcher.load(2) == "2"
