"""Clients of the one Redis that `REDIS_URL` names."""

import asyncio
import functools
import weakref

import redis
import redis.asyncio
from django.conf import settings

_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = (
    weakref.WeakKeyDictionary()
)


def async_redis() -> redis.asyncio.Redis:
    """The client of the running event loop. Its connections belong to that loop and go with it."""
    loop = asyncio.get_running_loop()
    client = _by_loop.get(loop)
    if client is None:
        # Blocking: a thousand commands at once wait for their turn, where the plain pool would refuse them.
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            settings.REDIS_URL,
            max_connections=settings.REDIS_CONNECTIONS,
            timeout=settings.REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
            socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
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
