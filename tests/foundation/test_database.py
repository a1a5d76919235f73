"""Database threads: they are bounded, and return their connections."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from foundation import database
from foundation.database import calling_loop, in_thread


class RefusedError(Exception):
    """Raised by the work."""


@pytest.fixture
async def two_threads(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    with ThreadPoolExecutor(2, thread_name_prefix="database") as threads:
        monkeypatch.setattr(database, "_threads", lambda: threads)
        yield


async def test_arguments_results_and_exceptions_pass_through() -> None:
    def divide(one: int, *, by: int) -> float:
        if by == 0:
            raise RefusedError("no")
        return one / by

    assert await in_thread(divide, 6, by=3) == 2
    with pytest.raises(RefusedError, match="no"):
        await in_thread(divide, 6, by=0)


async def test_no_more_calls_at_once_than_there_are_threads(two_threads: None) -> None:
    running, most, lock, go_on = 0, 0, threading.Lock(), threading.Event()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 2:
                go_on.set()
        assert go_on.wait(20)
        with lock:
            running -= 1

    await asyncio.gather(*(in_thread(work) for _ in range(10)))
    assert (most, running) == (2, 0)


@pytest.mark.django_db(transaction=True)
async def test_a_thread_gives_its_connection_back() -> None:
    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return int(cursor.fetchone()[0])

    def fail() -> None:
        ask()
        raise RefusedError

    before = connections_in_use()
    answers = await asyncio.gather(*(in_thread(ask) for _ in range(40)))
    assert answers == [1] * 40
    with pytest.raises(RefusedError):
        await in_thread(fail)
    async with asyncio.timeout(20):
        while connections_in_use() != before:  # noqa: ASYNC110 - the pool grows in threads of its own
            await asyncio.sleep(0)


def connections_in_use() -> int:
    """Connections of this process that are not in the pool, the test's own included."""
    pool: Any = connection.pool  # type: ignore[attr-defined]
    stats: dict[str, int] = pool.get_stats()
    return stats.get("pool_size", 0) - stats.get("pool_available", 0)


async def test_a_database_thread_knows_the_loop_that_waits_for_it() -> None:
    loop = asyncio.get_running_loop()
    assert calling_loop() is loop
    assert await in_thread(calling_loop) is loop
    assert await asyncio.to_thread(calling_loop) is None


def test_without_a_loop_there_is_no_calling_loop() -> None:
    assert calling_loop() is None
