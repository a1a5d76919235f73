"""The deny-list in Redis: ended sessions and token epochs, kept for as long as one of their tokens may live.

It is an index of the database, which stays the source of truth. A marker key says that the list is complete; without it
the list is rebuilt. The marker expires every DENYLIST_RESYNC_SECONDS, so whatever Redis lost unnoticed (an evicted key,
a restart from an old snapshot, a write of a process that died) is back after that time at most.
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

COMPLETE_KEY = "auth:deny:whole"
REBUILDING_KEY = "auth:deny:rebuilding"
REBUILD_LOCK_SECONDS = 10
# Clocks of two servers may differ; an entry must outlive the last token that it denies.
CLOCK_SKEW_SECONDS = 60

# A rebuild that read the database before a newer epoch was committed must not overwrite the newer one.
RAISE_EPOCH = """
local known = tonumber(redis.call('GET', KEYS[1]) or '-1')
if tonumber(ARGV[1]) > known then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
"""


@dataclass(frozen=True, slots=True)
class Denied:
    """What to refuse: sessions by id, and all tokens of a user (id) below an epoch."""

    session_ids: frozenset[str] = frozenset()
    epochs: tuple[tuple[int, int], ...] = ()


def entry_seconds() -> int:
    """How long an entry is kept; seconds."""
    return int(settings.ACCESS_TOKEN_SECONDS) + CLOCK_SKEW_SECONDS


def write(denied: Denied) -> None:
    """Add entries. Raises RedisError when Redis may not have them."""
    with sync_redis().pipeline(transaction=True) as pipeline:
        _queue_entries(pipeline, denied)
        pipeline.execute()


async def denied_among(identities: Sequence[Identity]) -> list[Identity] | None:
    """Those of the identities that are denied; None while the list is incomplete. One round trip; raises RedisError."""
    keys = [COMPLETE_KEY]
    for identity in identities:
        keys += (_session_key(identity.session_id), _user_key(identity.user_id))
    complete, *answers = await async_redis().mget(keys)
    if complete is None:
        return None
    pairs = zip(identities, answers[::2], answers[1::2], strict=True)
    return [identity for identity, session, epoch in pairs if _is_denied(identity, session, epoch)]


async def rebuild() -> bool:
    """Rebuild the list from the database; False when another process does so already. Raises RedisError.

    Only adds entries, so a revocation that is committed meanwhile is safe.
    """
    redis = async_redis()
    lock = redis.lock(REBUILDING_KEY, timeout=REBUILD_LOCK_SECONDS, blocking=False)
    if not await lock.acquire():
        return False
    try:
        denied = await in_thread(_read_database)
        async with redis.pipeline(transaction=True) as pipeline:
            _queue_entries(pipeline, denied)
            pipeline.set(COMPLETE_KEY, 1, ex=settings.DENYLIST_RESYNC_SECONDS)
            await pipeline.execute()
    finally:
        await _release_lock(lock)
    return True


def revoked_in_database(identities: Sequence[Identity]) -> list[Identity]:
    """Those of the identities that have ended, read from the database: one query."""
    sessions = Session.objects.filter(
        pk__in={identity.session_id for identity in identities}, revoked_at=None, user__is_active=True
    )
    live = {
        str(session_id): (user_id, epoch)
        for session_id, user_id, epoch in sessions.values_list("pk", "user_id", "user__token_epoch")
    }
    return [identity for identity in identities if not _is_live(identity, live.get(identity.session_id))]


def _read_database() -> Denied:
    since = timezone.now() - timedelta(seconds=entry_seconds())
    sessions = Session.objects.filter(revoked_at__gt=since).values_list("pk", flat=True)
    epochs = User.objects.filter(token_epoch_at__gt=since).values_list("pk", "token_epoch")
    return Denied(frozenset(map(str, sessions)), tuple(epochs))


async def _release_lock(lock: Any) -> None:
    try:
        await lock.release()
    except LockError:
        # It expired, or Redis was emptied: there is nothing to release.
        logger.info("The lock of the deny-list's rebuild expired before the rebuild ended.")


def _queue_entries(pipeline: Any, denied: Denied) -> None:
    seconds = entry_seconds()
    for session_id in denied.session_ids:
        pipeline.set(_session_key(session_id), 1, ex=seconds)
    for user_id, epoch in denied.epochs:
        pipeline.eval(RAISE_EPOCH, 1, _user_key(user_id), epoch, seconds)


def _is_denied(identity: Identity, session: bytes | str | None, epoch: bytes | str | None) -> bool:
    return session is not None or (epoch is not None and identity.epoch < int(epoch))


def _is_live(identity: Identity, row: tuple[int, int] | None) -> bool:
    return row is not None and row[0] == identity.user_id and row[1] <= identity.epoch


def _session_key(session_id: str) -> str:
    return f"auth:deny:session:{session_id}"


def _user_key(user_id: int) -> str:
    return f"auth:deny:user:{user_id}"
