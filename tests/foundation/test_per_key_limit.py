"""PerKeyLimit: so many at once for a key, in turn, and nothing kept."""

import asyncio

from foundation.per_key_limit import PerKeyLimit


async def test_so_many_of_a_key_are_inside_at_once_in_their_order_and_other_keys_are_not_held_up() -> None:
    turns, may_leave, inside = PerKeyLimit(), asyncio.Event(), list[str]()

    async def enter(name: str) -> None:
        async with turns.slot(name[0], 2):
            inside.append(name)
            await may_leave.wait()

    tasks = [asyncio.create_task(enter(name)) for name in ("a1", "a2", "a3", "a4", "b1")]
    await asyncio.sleep(0)
    assert inside == ["a1", "a2", "b1"]
    may_leave.set()
    await asyncio.gather(*tasks)
    assert inside == ["a1", "a2", "b1", "a3", "a4"]
    del tasks
    assert not turns._by_key


async def test_who_is_cancelled_or_fails_leaves_room() -> None:
    turns, entered = PerKeyLimit(), asyncio.Event()

    async def enter() -> None:
        async with turns.slot("a", 1):
            entered.set()
            await asyncio.Event().wait()

    inside, waiting = asyncio.create_task(enter()), asyncio.create_task(enter())
    await entered.wait()
    waiting.cancel()
    inside.cancel()
    await asyncio.gather(inside, waiting, return_exceptions=True)
    async with asyncio.timeout(10), turns.slot("a", 1):
        pass
