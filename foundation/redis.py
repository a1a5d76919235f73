"""Clients of the one Redis that `REDIS_URL` names."""

import asyncio
import functools
from collections.abc import Iterable
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.connection import AbstractConnection, parse_url

from foundation.per_loop import PerLoop


class _SharedConnection(AbstractConnection):
    """A connection that two tasks may share as the two sides of a subscription do, and on which cancelling works.

    channels_redis reads in one task and subscribes in others. When Redis cuts them off, each of them opens the
    connection again: redis-py then loses one socket, which stays open, or one task takes the answers of the other.
    Here one opens, and the others wait for it.

    redis-py sends with `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes together with the
    result (python/cpython#86296): a task that was told to stop would go on, and whoever waits for its end, for ever.
    """

    _opener: asyncio.Task[Any] | None = None

    @functools.cached_property
    def _opening(self) -> asyncio.Lock:
        return asyncio.Lock()

    async def connect_check_health(
        self, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        task = asyncio.current_task()
        if self._opener is task is not None:  # a subscription is made again as the last part of opening
            if not self.is_connected:
                raise redis.ConnectionError("The connection was lost while it was opened.")
            return
        async with self._opening:
            self._opener = task
            try:
                await super().connect_check_health(check_health, retry_socket_connect)
            except BaseException:
                await super().disconnect(nowait=True)  # half opened it would pass for open
                raise
            finally:
                self._opener = None

    async def disconnect(self, nowait: bool = False, *args: Any, **why: Any) -> None:
        # After an error there is nothing to wait for, and whoever opens it meanwhile would have it taken away.
        await super().disconnect(nowait or why.get("error") is not None, *args, **why)

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        await self._opened_by_others()
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)  # nobody will read the answer
            raise asyncio.CancelledError

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        if self._writer is None:  # `wait_for` begins a turn of the loop later
            raise redis.ConnectionError("The connection was lost before the command was sent.")
        await super()._send_packed_command(command)

    async def read_response(self, *args: Any, **how: Any) -> Any:
        await self._opened_by_others()
        stream = self._reader
        try:
            return await super().read_response(*args, **how)
        except redis.ConnectionError:
            if how.get("timeout") is None or (self._opener is None and self._reader in (None, stream)):
                raise
            return (
                None  # what was read from is gone, and another task has opened it again: nothing came in time
            )

    async def _opened_by_others(self) -> None:
        if self._opener is not None and self._opener is not asyncio.current_task():
            async with self._opening:
                pass


@functools.cache
def _shared(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    return type(f"Shared{kind.__name__}", (_SharedConnection, kind), {})


def connection_options(url: str, timeout_seconds: float) -> dict[str, Any]:
    """What redis-py's asynchronous pools need to reach `url`. The timeout is that of connecting and of each command."""
    options: dict[str, Any] = {**parse_url(url)}
    kind = options.get("connection_class", redis.asyncio.Connection)
    return options | {
        "connection_class": _shared(kind),
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
    }


def _make_client() -> redis.asyncio.Redis:
    # Blocking: a thousand commands at once wait for their turn, where the plain pool would refuse them.
    pool = redis.asyncio.BlockingConnectionPool(
        max_connections=settings.REDIS_CONNECTIONS,
        timeout=settings.REDIS_TIMEOUT_SECONDS,
        **connection_options(settings.REDIS_URL, settings.REDIS_TIMEOUT_SECONDS),
    )
    return redis.asyncio.Redis.from_pool(pool)


# The client of the running event loop. Its connections belong to that loop and go with it.
async_redis = PerLoop(_make_client)


async def close_async_redis() -> None:
    """Close the client of the running event loop, if it has one: before the loop itself is closed."""
    client = async_redis.pop()
    if client is not None:
        await client.aclose()


@functools.cache
def sync_redis() -> redis.Redis:
    """The client for synchronous code, one per process, safe to share between threads."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        max_connections=settings.REDIS_CONNECTIONS,
        socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
        socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
    )
