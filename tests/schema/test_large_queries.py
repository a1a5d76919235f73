"""Large queries run on a thread of their own, small queries and mutations on the main loop."""

import asyncio
import threading
from unittest import mock

import pytest
from django.conf import LazySettings

from foundation.errors import ErrorCode, ParlorError
from schema import execution
from schema.context import Context
from schema.execution import OperationRequest
from schema.large_queries import run_on_own_thread

INTROSPECTION = "{ __schema { types { name } } }"  # as many values as there are types, and more
MUTATION = 'mutation { logout(refreshToken: "none") }'


async def thread_name() -> str:
    return threading.current_thread().name


async def test_it_is_one_other_thread() -> None:
    names = {await run_on_own_thread(thread_name) for _ in range(3)}
    assert names == {"large queries"}
    assert await thread_name() not in names


async def test_exceptions_come_through() -> None:
    async def fail() -> None:
        raise ParlorError(ErrorCode.GONE, "away")

    with pytest.raises(ParlorError, match="away"):
        await run_on_own_thread(fail)


async def test_a_cancellation_comes_through() -> None:
    started, ended = threading.Event(), threading.Event()

    async def wait_for_ever() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(run_on_own_thread(wait_for_ever))
    assert await asyncio.to_thread(started.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 10)


@pytest.mark.parametrize(
    ("document", "limit", "on_own_thread"),
    [(INTROSPECTION, 10, True), (INTROSPECTION, 50_000, False), (MUTATION, 1, False)],
)
async def test_which_operations_run_on_the_other_thread(
    document: str, limit: int, on_own_thread: bool, settings: LazySettings
) -> None:
    settings.LARGE_QUERY_COST = limit
    with mock.patch("schema.execution.run_on_own_thread", wraps=run_on_own_thread) as run:
        answer = await execution.execute(await execution.prepare(OperationRequest(document)), Context())
    assert run.call_count == on_own_thread
    assert answer.startswith(b'{"data":')


async def test_the_cost_is_that_of_the_variables(settings: LazySettings) -> None:
    document = "query ($first: Int) { chats(first: $first) { edges { node { id title } } } }"
    small, large = [
        (await execution.prepare(OperationRequest(document, variables={"first": first}))).cost
        for first in (1, 100)
    ]
    assert large > 50 * small
