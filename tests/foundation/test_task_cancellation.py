"""Ending tasks, also those that forget it."""

import asyncio

import pytest

from foundation import task_cancellation
from foundation.task_cancellation import cancel_and_wait


async def test_all_have_ended_however_they_do() -> None:
    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError

    ended = [asyncio.create_task(fail()), asyncio.create_task(asyncio.sleep(3600))]
    ended.append(asyncio.create_task(asyncio.sleep(0)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await cancel_and_wait(*ended)
    assert [task.done() for task in ended] == [True] * 3
    assert [task.cancelled() for task in ended] == [False, True, False]


async def test_what_forgets_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_cancellation, "REPEAT_SECONDS", 0.01)
    forgotten = 0

    async def forget() -> None:
        nonlocal forgotten
        while forgotten < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                forgotten += 1

    task = asyncio.create_task(forget())
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await cancel_and_wait(task)
    assert forgotten == 2


async def test_who_waits_for_the_end_can_be_cancelled() -> None:
    may_end = asyncio.Event()

    async def tidy_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    task = asyncio.create_task(tidy_up())
    await asyncio.sleep(0)
    ending = asyncio.create_task(cancel_and_wait(task))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    may_end.set()
    await asyncio.wait({task})


async def test_of_no_tasks_there_is_nothing_to_end() -> None:
    await cancel_and_wait()
