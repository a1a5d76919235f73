"""The deny-list in Redis: which sessions and which token epochs are over, for as long as a token may live.

The database is the truth and this is its index. A sentinel key says that the list is whole; without it, the
list is rebuilt. The sentinel ends by itself every DENYLIST_RESYNC_SECONDS, so whatever Redis lost unseen (an
evicted key, a restart from an old snapshot, a write of a process that died) is back after that time at most.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from redis.exceptions import LockError

from auth.models import Session, User
from auth.tokens import Identity
from foundation.database import in_thread
from foundation.redis import async_redis, sync_redis

logger = logging.getLogger(__name__)

WHOLE_KEY = "auth:deny:whole"
REBUILDING_KEY = "auth:deny:rebuilding"
REBUILD_LOCK_SECONDS = 10
# Clocks of two servers may differ; an entry outlives the last token that it denies.
SPARE_SECONDS = 60

# A rebuild that read the database before a newer epoch was committed must not take the newer one back.
RAISE_EPOCH = """
local known = tonumber(redis.call('GET', KEYS[1]) or '-1')
if tonumber(ARGV[1]) > known then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
"""


@dataclass(frozen=True, slots=True)
class Denied:
    """What to refuse: sessions by id, and of a user all tokens below an epoch."""

    session_ids: frozenset[str] = frozenset()
    epochs: tuple[tuple[int, int], ...] = ()


def entry_seconds() -> int:
    """How long a revocation must be remembered: seconds."""
    return int(settings.ACCESS_TOKEN_SECONDS) + SPARE_SECONDS


def write(denied: Denied) -> None:
    """Add entries. Raises RedisError when they may not have arrived."""
    with sync_redis().pipeline(transaction=True) as pipeline:
        _queue(pipeline, denied)
        pipeline.execute()


async def denied_among(identities: Sequence[Identity]) -> list[Identity] | None:
    """Those that the list names; None when it is not whole. One round trip; raises RedisError."""
    keys = [WHOLE_KEY]
    for identity in identities:
        keys += (_session_key(identity.session_id), _user_key(identity.user_id))
    whole, *answers = await async_redis().mget(keys)
    if whole is None:
        return None
    pairs = zip(identities, answers[::2], answers[1::2], strict=True)
    return [identity for identity, session, epoch in pairs if _names(identity, session, epoch)]


async def rebuild() -> bool:
    """Write the list anew from the database; False when another process is at it. Raises RedisError.

    Entries are only ever added, so a revocation that is committed meanwhile is safe.
    """
    redis = async_redis()
    lock = redis.lock(REBUILDING_KEY, timeout=REBUILD_LOCK_SECONDS, blocking=False)
    if not await lock.acquire():
        return False
    try:
        denied = await in_thread(_read_database)
        async with redis.pipeline(transaction=True) as pipeline:
            _queue(pipeline, denied)
            pipeline.set(WHOLE_KEY, 1, ex=settings.DENYLIST_RESYNC_SECONDS)
            await pipeline.execute()
    finally:
        await _release(lock)
    return True


def over_in_database(identities: Sequence[Identity]) -> list[Identity]:
    """The same question, asked of the database: one query."""
    sessions = Session.objects.filter(
        pk__in={identity.session_id for identity in identities}, revoked_at=None, user__is_active=True
    )
    live = {
        str(session_id): (user_id, epoch)
        for session_id, user_id, epoch in sessions.values_list("pk", "user_id", "user__token_epoch")
    }
    return [identity for identity in identities if not _lives(identity, live.get(identity.session_id))]


def _read_database() -> Denied:
    since = timezone.now() - timedelta(seconds=entry_seconds())
    sessions = Session.objects.filter(revoked_at__gt=since).values_list("pk", flat=True)
    epochs = User.objects.filter(token_epoch_at__gt=since).values_list("pk", "token_epoch")
    return Denied(frozenset(map(str, sessions)), tuple(epochs))


async def _release(lock: Any) -> None:
    try:
        await lock.release()
    except LockError:
        # It ran out, or Redis was emptied: nothing to give back.
        logger.info("The lock of the deny-list's rebuild was gone before its end.")


def _queue(pipeline: Any, denied: Denied) -> None:
    seconds = entry_seconds()
    for session_id in denied.session_ids:
        pipeline.set(_session_key(session_id), 1, ex=seconds)
    for user_id, epoch in denied.epochs:
        pipeline.eval(RAISE_EPOCH, 1, _user_key(user_id), epoch, seconds)


def _names(identity: Identity, session: bytes | str | None, epoch: bytes | str | None) -> bool:
    return session is not None or (epoch is not None and identity.epoch < int(epoch))


def _lives(identity: Identity, row: tuple[int, int] | None) -> bool:
    return row is not None and row[0] == identity.user_id and row[1] <= identity.epoch


def _session_key(session_id: str) -> str:
    return f"auth:deny:session:{session_id}"


def _user_key(user_id: int) -> str:
    return f"auth:deny:user:{user_id}"
