"""Makes the clients of the one Redis that `REDIS_URL` names."""

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
    """A connection that the tasks of a subscription can share, and whose commands can be cancelled.

    channels_redis reads in one task and subscribes in others. When Redis drops the connection, each task reopens it:
    redis-py then leaks a socket, or one task reads the answers of another. Here one task reopens it, and the others
    wait.

    redis-py sends with `asyncio.wait_for`, which before Python 3.12 loses a cancellation that comes together with the
    result (python/cpython#86296): a cancelled task would go on, and a task that waits for its end would wait for ever.
    """

    _opener: asyncio.Task[Any] | None = None

    @functools.cached_property
    def _open_lock(self) -> asyncio.Lock:
        return asyncio.Lock()

    async def connect_check_health(
        self, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        task = asyncio.current_task()
        if self._opener is task is not None:  # opening ends with subscribing again, which calls this
            if not self.is_connected:
                raise redis.ConnectionError("The connection was lost while it was opened.")
            return
        async with self._open_lock:
            self._opener = task
            try:
                await super().connect_check_health(check_health, retry_socket_connect)
            except BaseException:
                await super().disconnect(nowait=True)  # half open, it would pass for open
                raise
            finally:
                self._opener = None

    async def disconnect(self, nowait: bool = False, *args: Any, **options: Any) -> None:
        # After an error there is nothing to wait for, and waiting could close what another task has just reopened.
        await super().disconnect(nowait or options.get("error") is not None, *args, **options)

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        await self._wait_until_opened()
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)  # nothing will read the answer
            raise asyncio.CancelledError

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        if self._writer is None:  # lost meanwhile: `wait_for` starts one turn of the loop later
            raise redis.ConnectionError("The connection was lost before the command was sent.")
        await super()._send_packed_command(command)

    async def read_response(self, *args: Any, **options: Any) -> Any:
        await self._wait_until_opened()
        stream = self._reader
        try:
            return await super().read_response(*args, **options)
        except redis.ConnectionError:
            if options.get("timeout") is None or (self._opener is None and self._reader in (None, stream)):
                raise
            return None  # another task has reopened the connection: no message in time

    async def _wait_until_opened(self) -> None:
        if self._opener is not None and self._opener is not asyncio.current_task():
            async with self._open_lock:
                pass


@functools.cache
def _shared_class(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    return type(f"Shared{kind.__name__}", (_SharedConnection, kind), {})


def connection_options(url: str, timeout_seconds: float) -> dict[str, Any]:
    """Options of redis-py's asynchronous pools for `url`. The timeout applies to connecting and to each command."""
    options: dict[str, Any] = {**parse_url(url)}
    kind = options.get("connection_class", redis.asyncio.Connection)
    return options | {
        "connection_class": _shared_class(kind),
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
    }


def _make_client() -> redis.asyncio.Redis:
    # Blocking: beyond `max_connections`, commands wait, where the plain pool would refuse them.
    pool = redis.asyncio.BlockingConnectionPool(
        max_connections=settings.REDIS_CONNECTIONS,
        timeout=settings.REDIS_TIMEOUT_SECONDS,
        **connection_options(settings.REDIS_URL, settings.REDIS_TIMEOUT_SECONDS),
    )
    return redis.asyncio.Redis.from_pool(pool)


# The client of the running event loop.
async_redis = PerLoop(_make_client)


async def close_async_redis() -> None:
    """Close the client of the running event loop, if it has one. Call it before the loop is closed."""
    client = async_redis.pop()
    if client is not None:
        await client.aclose()


@functools.cache
def sync_redis() -> redis.Redis:
    """The client for synchronous code: one per process, which its threads share."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        max_connections=settings.REDIS_CONNECTIONS,
        socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
        socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
    )
