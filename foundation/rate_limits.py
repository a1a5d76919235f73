"""Limits how often clients may do something, with moving windows in Redis that all processes share.

The rates are settings: `RATE_LIMITS[name]`, as text such as "10/minute".
"""

import contextlib
import functools
import hashlib
import logging
import math
import time
from collections.abc import Iterator
from typing import Any

import limits
from django.conf import settings
from limits import storage, strategies
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from foundation.errors import ErrorCode, ParlorError
from foundation.outage_log import OutageLog
from foundation.per_loop import PerLoop
from foundation.redis import async_redis, sync_redis

logger = logging.getLogger(__name__)

KEY_PREFIX = "rate"

_outage = OutageLog(logger, "Rate limits are off while Redis is out of reach.", "rate limits are on.")


async def check_rate(name: str, *keys: str) -> None:
    """Count one more use of `name` for the keys (a user id, an address). One Redis round trip.

    Raises ParlorError(RATE_LIMITED) with `retryAfterMs` when the rate is used up; a refused use is not counted. While
    Redis is out of reach, every use is allowed: these limits slow abuse down, and an unusable chat would be the greater
    harm. Raises KeyError for a name without a rate.
    """
    if not settings.RATE_LIMITS_ENABLED:
        return
    item, identifiers = _parse(settings.RATE_LIMITS[name]), (name, *map(_digest, keys))
    stats = None
    with _off_during_outages():
        if not await _limiter().hit(item, *identifiers):
            stats = await _limiter().get_window_stats(item, *identifiers)
    _raise_if_refused(stats)


def check_rate_in_thread(name: str, *keys: str) -> None:
    """`check_rate` for synchronous code; the counts are the same."""
    if not settings.RATE_LIMITS_ENABLED:
        return
    item, identifiers = _parse(settings.RATE_LIMITS[name]), (name, *map(_digest, keys))
    stats = None
    with _off_during_outages():
        if not _thread_limiter().hit(item, *identifiers):
            stats = _thread_limiter().get_window_stats(item, *identifiers)
    _raise_if_refused(stats)


@contextlib.contextmanager
def _off_during_outages() -> Iterator[None]:
    """Log an error of Redis instead of raising it."""
    try:
        yield
    except RedisError as error:
        _outage.failed(error)
    else:
        _outage.succeeded()


def _raise_if_refused(stats: limits.WindowStats | None) -> None:
    if stats is not None:
        retry_after_ms = max(1, math.ceil((stats.reset_time - time.time()) * 1000))
        raise ParlorError(ErrorCode.RATE_LIMITED, "Too often: try again later.", retryAfterMs=retry_after_ms)


def _make_limiter() -> MovingWindowRateLimiter:
    # The pool of our own client: the library passes it on, though its annotation omits it. The address only says which
    # kind of server it is.
    pool: Any = async_redis().connection_pool
    return MovingWindowRateLimiter(
        RedisStorage("redis://", implementation="redispy", key_prefix=KEY_PREFIX, connection_pool=pool)
    )


_limiter = PerLoop(_make_limiter)


@functools.cache
def _thread_limiter() -> strategies.MovingWindowRateLimiter:
    pool: Any = sync_redis().connection_pool
    return strategies.MovingWindowRateLimiter(
        storage.RedisStorage("redis://", key_prefix=KEY_PREFIX, connection_pool=pool)
    )


@functools.lru_cache(maxsize=64)
def _parse(text: str) -> limits.RateLimitItem:
    return limits.parse(text)


def _digest(key: str) -> str:
    # Keys may come from a client: of any length, with any characters, and usernames should not be readable in Redis.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
