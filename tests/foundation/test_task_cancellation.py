"""cancel_and_wait, also for tasks that swallow a cancellation."""

import asyncio

import pytest

from foundation import task_cancellation
from foundation.task_cancellation import cancel_and_wait


async def test_all_tasks_have_ended_whatever_their_outcome() -> None:
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


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_cancellation, "REPEAT_SECONDS", 0.01)
    swallowed = 0

    async def swallow() -> None:
        nonlocal swallowed
        while swallowed < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1

    task = asyncio.create_task(swallow())
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await cancel_and_wait(task)
    assert swallowed == 2


async def test_the_waiting_itself_can_be_cancelled() -> None:
    may_end = asyncio.Event()

    async def clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    task = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(cancel_and_wait(task))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_end.set()
    await asyncio.wait({task})


async def test_without_tasks_it_returns_at_once() -> None:
    await cancel_and_wait()
