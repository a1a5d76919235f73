"""PerLoop: one object per event loop, made on first use."""

import asyncio
import gc
import weakref

import pytest

from foundation.per_loop import PerLoop


class Connection:
    """Belongs to a loop."""


async def first_and_second(per_loop: PerLoop[Connection]) -> tuple[Connection, Connection]:
    return per_loop(), per_loop()


def test_each_loop_has_one_object() -> None:
    per_loop = PerLoop(Connection)
    one, again = asyncio.run(first_and_second(per_loop))
    other, _ = asyncio.run(first_and_second(per_loop))
    assert one is again
    assert other is not one


def test_the_object_goes_with_its_loop() -> None:
    per_loop = PerLoop(Connection)

    async def reference() -> weakref.ref[Connection]:
        return weakref.ref(per_loop())

    found = asyncio.run(reference())
    gc.collect()
    assert found() is None


async def test_a_popped_object_is_made_anew() -> None:
    per_loop = PerLoop(Connection)
    assert per_loop.pop() is None
    one = per_loop()
    assert per_loop.pop() is one
    assert per_loop() is not one


def test_without_a_running_loop_it_raises() -> None:
    with pytest.raises(RuntimeError):
        PerLoop(Connection)()
