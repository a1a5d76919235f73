"""How often somebody may do something: moving windows in Redis, shared by all processes.

The rates are settings: `RATE_LIMITS[name]`, as text such as "10/minute".
"""

import functools
import hashlib
import logging
import math
import time
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
    """Count one more of `name` for the keys (a user id, an address). One Redis round trip.

    Raises ParlorError(RATE_LIMITED) with `retryAfterMs` when the rate is used up; the refused one is not
    counted. While Redis is out of reach everybody is let through: these limits slow abuse down, and a chat
    that nobody can use would be the greater harm. KeyError for a name without a rate.
    """
    if not settings.RATE_LIMITS_ENABLED:
        return
    item = _parsed(settings.RATE_LIMITS[name])
    identifiers = (name, *map(_digest, keys))
    try:
        allowed = await _limiter().hit(item, *identifiers)
        stats = None if allowed else await _limiter().get_window_stats(item, *identifiers)
        _outage.succeeded()
    except RedisError as error:
        _outage.failed(error)
        return
    if stats is not None:
        raise _refusal(stats)


def check_rate_in_thread(name: str, *keys: str) -> None:
    """`check_rate` for synchronous code; the counts are the same."""
    if not settings.RATE_LIMITS_ENABLED:
        return
    item = _parsed(settings.RATE_LIMITS[name])
    identifiers = (name, *map(_digest, keys))
    try:
        allowed = _limiter_of_threads().hit(item, *identifiers)
        stats = None if allowed else _limiter_of_threads().get_window_stats(item, *identifiers)
        _outage.succeeded()
    except RedisError as error:
        _outage.failed(error)
        return
    if stats is not None:
        raise _refusal(stats)


def _refusal(stats: limits.WindowStats) -> ParlorError:
    retry_after_ms = max(1, math.ceil((stats.reset_time - time.time()) * 1000))
    return ParlorError(ErrorCode.RATE_LIMITED, "Too often: try again later.", retryAfterMs=retry_after_ms)


def _make_limiter() -> MovingWindowRateLimiter:
    # The pool of our own client: the library passes it on, though its annotation forgets it. The address only tells
    # the library which kind of server it is.
    pool: Any = async_redis().connection_pool
    return MovingWindowRateLimiter(
        RedisStorage("redis://", implementation="redispy", key_prefix=KEY_PREFIX, connection_pool=pool)
    )


_limiter = PerLoop(_make_limiter)


@functools.cache
def _limiter_of_threads() -> strategies.MovingWindowRateLimiter:
    pool: Any = sync_redis().connection_pool
    return strategies.MovingWindowRateLimiter(
        storage.RedisStorage("redis://", key_prefix=KEY_PREFIX, connection_pool=pool)
    )


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> limits.RateLimitItem:
    return limits.parse(text)


def _digest(key: str) -> str:
    # Keys may come from a client: any length, any characters, and names of people are not left lying in Redis.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
