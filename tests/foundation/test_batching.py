"""Batcher: the keys of one turn of the loop are fetched together."""

import asyncio
from collections.abc import Mapping

import pytest

from foundation.batching import Batcher, LookupCancelled


class Source:
    """Finds even numbers; `fetched` has the keys of each fetch."""

    def __init__(self) -> None:
        self.fetched: list[list[int]] = []
        self.error: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def fetch(self, keys: list[int]) -> Mapping[int, str]:
        """The even numbers among `keys`, once `may_answer` is set."""
        self.fetched.append(keys)
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return {key: f"{key}" for key in keys if key % 2 == 0}


async def test_one_turn_of_the_loop_is_one_fetch() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    assert await asyncio.gather(*map(batcher.load, [2, 3, 4, 2])) == ["2", None, "4", "2"]
    assert source.fetched == [[2, 3, 4]]


async def test_nothing_is_cached() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    for _ in range(2):
        assert await batcher.load(2) == "2"
    assert source.fetched == [[2], [2]]


async def test_a_load_during_a_fetch_starts_another_fetch() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    source.may_answer.clear()
    first = asyncio.create_task(batcher.load(2))
    while not source.fetched:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)
    second = asyncio.create_task(batcher.load(2))
    source.may_answer.set()
    assert (await first, await second) == ("2", "2")
    assert source.fetched == [[2], [2]]


async def test_an_error_reaches_all_callers_and_not_the_next_one() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    source.error = LookupError("away")
    outcomes = await asyncio.gather(batcher.load(2), batcher.load(4), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LookupError, LookupError]
    source.error = None
    assert await batcher.load(2) == "2"


@pytest.mark.parametrize("cancelled", [0, 1])
async def test_a_cancelled_caller_does_not_disturb_the_others(cancelled: int) -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    source.may_answer.clear()
    tasks = [asyncio.create_task(batcher.load(2)) for _ in range(2)]
    while not source.fetched:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)
    tasks[cancelled].cancel()
    source.may_answer.set()
    assert await tasks[1 - cancelled] == "2"
    with pytest.raises(asyncio.CancelledError):
        await tasks[cancelled]


async def test_a_fetch_that_fails_without_callers_logs_no_warning() -> None:
    source = Source()
    batcher = Batcher(source.fetch)
    source.error = LookupError("away")
    task = asyncio.create_task(batcher.load(2))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    source.error = None
    assert await batcher.load(2) == "2"


async def test_in_turn_there_is_one_fetch_at_a_time() -> None:
    source = Source()
    batcher = Batcher(source.fetch, in_turn=True)
    source.may_answer.clear()
    first = asyncio.create_task(batcher.load(2))
    while not source.fetched:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)
    later = []
    for key in (4, 6, 3):
        later.append(asyncio.create_task(batcher.load(key)))
        await asyncio.sleep(0)
    assert source.fetched == [[2]]
    source.may_answer.set()
    assert await first == "2"
    assert [await task for task in later] == ["4", "6", None]
    assert source.fetched == [[2], [4, 6, 3]]


@pytest.mark.parametrize("turns", [1, 3], ids=["before it begins", "while it runs"])
@pytest.mark.parametrize("in_turn", [False, True])
async def test_callers_of_a_cancelled_fetch_get_an_error(turns: int, in_turn: bool) -> None:
    source = Source()
    batcher = Batcher(source.fetch, in_turn=in_turn)
    source.may_answer.clear()
    callers = [asyncio.create_task(batcher.load(key)) for key in (2, 4)]
    while not batcher._tasks:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)
    (fetch,) = batcher._tasks
    for _ in range(turns - 1):
        await asyncio.sleep(0)
    assert bool(source.fetched) is (turns > 1)
    fetch.cancel()
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LookupCancelled, LookupCancelled]
    source.may_answer.set()
    assert await batcher.load(2) == "2"
