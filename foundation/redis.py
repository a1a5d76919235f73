"""Clients of the one Redis that `REDIS_URL` names."""

import asyncio
import functools
import weakref
from collections.abc import Iterable
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.connection import AbstractConnection, parse_url

_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = (
    weakref.WeakKeyDictionary()
)


class _Cancellable(AbstractConnection):
    """A connection on which a cancelled command is cancelled.

    redis-py sends with `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes together with the
    result (python/cpython#86296): a task that was told to stop would go on, and whoever waits for its end, for ever.
    """

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)  # nobody will read the answer
            raise asyncio.CancelledError


@functools.cache
def _cancellable(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    return type(f"Cancellable{kind.__name__}", (_Cancellable, kind), {})


def connection_options(url: str, timeout_seconds: float) -> dict[str, Any]:
    """What redis-py's asynchronous pools need to reach `url`. The timeout is that of connecting and of each command."""
    options: dict[str, Any] = {**parse_url(url)}
    kind = options.get("connection_class", redis.asyncio.Connection)
    return options | {
        "connection_class": _cancellable(kind),
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
    }


def async_redis() -> redis.asyncio.Redis:
    """The client of the running event loop. Its connections belong to that loop and go with it."""
    loop = asyncio.get_running_loop()
    client = _by_loop.get(loop)
    if client is None:
        # Blocking: a thousand commands at once wait for their turn, where the plain pool would refuse them.
        pool = redis.asyncio.BlockingConnectionPool(
            max_connections=settings.REDIS_CONNECTIONS,
            timeout=settings.REDIS_TIMEOUT_SECONDS,
            **connection_options(settings.REDIS_URL, settings.REDIS_TIMEOUT_SECONDS),
        )
        client = _by_loop[loop] = redis.asyncio.Redis.from_pool(pool)
    return client


async def close_async_redis() -> None:
    """Close the client of the running event loop, if it has one: before the loop itself is closed."""
    client = _by_loop.pop(asyncio.get_running_loop(), None)
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
