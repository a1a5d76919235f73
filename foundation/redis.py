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
        client = redis.asyncio.Redis.from_url(
            settings.REDIS_URL,
            max_connections=settings.REDIS_CONNECTIONS,
            socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
            socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
        )
        _by_loop[loop] = client
    return client


@functools.cache
def sync_redis() -> redis.Redis:
    """The client for synchronous code, one per process, safe to share between threads."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        max_connections=settings.REDIS_CONNECTIONS,
        socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
        socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
    )
