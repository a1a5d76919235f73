"""PerKeyLimit: it limits tasks per key, in order, and forgets unused keys."""

import asyncio

from foundation.per_key_limit import PerKeyLimit


async def test_tasks_of_a_key_wait_in_order_and_other_keys_do_not_wait() -> None:
    limit, may_end, running = PerKeyLimit(), asyncio.Event(), list[str]()

    async def run(name: str) -> None:
        async with limit.slot(name[0], 2):
            running.append(name)
            await may_end.wait()

    tasks = [asyncio.create_task(run(name)) for name in ("a1", "a2", "a3", "a4", "b1")]
    await asyncio.sleep(0)
    assert running == ["a1", "a2", "b1"]
    may_end.set()
    await asyncio.gather(*tasks)
    assert running == ["a1", "a2", "b1", "a3", "a4"]
    del tasks
    assert not limit._by_key


async def test_a_cancelled_task_frees_its_slot() -> None:
    limit, entered = PerKeyLimit(), asyncio.Event()

    async def run() -> None:
        async with limit.slot("a", 1):
            entered.set()
            await asyncio.Event().wait()

    running, waiting = asyncio.create_task(run()), asyncio.create_task(run())
    await entered.wait()
    waiting.cancel()
    running.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    async with asyncio.timeout(10), limit.slot("a", 1):
        pass
