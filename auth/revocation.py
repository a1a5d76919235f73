"""Ending tokens before their time, everywhere at once.

A service changes the rows and calls `revoke_on_commit` in the same transaction. On commit the deny-list in Redis
is written, then the listeners hear of it. A write that Redis did not take is not lost: this process asks the
database until it has rebuilt the list, and every other process sees it when the list is next rebuilt.
"""

import asyncio
import enum
import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import DatabaseError, transaction
from redis.exceptions import RedisError

from auth import denylist
from auth.errors import unavailable
from auth.tokens import Identity
from foundation.batching import Batcher
from foundation.database import in_thread
from foundation.outage_log import OutageLog
from foundation.per_loop import PerLoop

logger = logging.getLogger(__name__)


class RevocationReason(enum.Enum):
    """Why tokens ended."""

    SIGNED_OUT = "SIGNED_OUT"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - a reason
    DEACTIVATED = "DEACTIVATED"
    REUSED_REFRESH_TOKEN = "REUSED_REFRESH_TOKEN"  # noqa: S105 - a reason


@dataclass(frozen=True, slots=True)
class Revoked:
    """Tokens that ended: of the sessions named or, with `session_ids` None, all of the user below `epoch`.

    The epoch spares what was opened with a token made after the change, such as the fresh one of
    `change_password`; it is None when sessions are named.
    """

    user_id: int
    session_ids: frozenset[str] | None
    reason: RevocationReason
    epoch: int | None = None

    def covers(self, identity: Identity) -> bool:
        """Whether the identity is one of those that ended."""
        if identity.user_id != self.user_id:
            return False
        if self.session_ids is not None:
            return identity.session_id in self.session_ids
        return self.epoch is None or identity.epoch < self.epoch


Listener = Callable[[Revoked], None]
_listeners: list[Listener] = []


def on_revoked(listener: Listener) -> Callable[[], None]:
    """Call `listener` after each revocation is committed, on the thread that did it; it must not wait long.

    Returns a function that takes the listener out again. A failing listener is logged and stops no other.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def revoke_on_commit(revoked: Revoked) -> None:
    """Inside the transaction that ended the tokens: deny them and tell the listeners once it is committed."""
    transaction.on_commit(lambda: _enforce(revoked))


async def is_revoked(identity: Identity) -> bool:
    """Whether the identity's token was ended before its time. Raises as `revoked_among` does.

    Those who ask at the same time share the round trip.
    """
    return bool(await _checks().load(identity))


async def _check(identities: list[Identity]) -> dict[Identity, bool]:
    return dict.fromkeys(await revoked_among(identities), True)


async def revoked_among(identities: Sequence[Identity]) -> list[Identity]:
    """Those whose tokens were ended before their time. One Redis round trip for all when all is well.

    Asks the database when Redis cannot be reached or is being refilled: nobody who was revoked gets in, nobody
    else is kept out. Raises AuthError(INTERNAL) when neither answers.
    """
    try:
        answer = await _ask_redis(identities)
        _outage.succeeded()
    except RedisError as error:
        _outage.failed(error)
        answer = None
    if answer is not None:
        return answer
    try:
        return await in_thread(denylist.over_in_database, identities)
    except DatabaseError:
        logger.exception("Neither Redis nor the database can say whether a token was revoked.")
        raise unavailable() from None


def _enforce(revoked: Revoked) -> None:
    if revoked.session_ids is not None:
        denied = denylist.Denied(session_ids=revoked.session_ids)
    else:
        denied = denylist.Denied(epochs=((revoked.user_id, revoked.epoch or 0),))
    try:
        denylist.write(denied)
    except RedisError as error:
        _unwritten.note()
        logger.warning(
            "A revocation did not reach Redis (%s): the deny-list will be rebuilt.", type(error).__name__
        )
    for listener in tuple(_listeners):
        try:
            listener(revoked)
        except Exception:
            logger.exception("A listener to revocations failed; the revocation stands.")


class _Unwritten:
    """Whether a write of this process may be missing in Redis. Noted on any thread, confirmed by a rebuild."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self._noted = 0
        self._confirmed = 0

    def note(self) -> None:
        self._noted = next(self._counter)

    @property
    def mark(self) -> int:
        return self._noted

    @property
    def pending(self) -> bool:
        return self._noted != self._confirmed

    def confirm(self, mark: int) -> None:
        """A rebuild that read the database after `mark` was taken has succeeded."""
        self._confirmed = mark


class _Rebuild:
    """The rebuild of the deny-list that one event loop has under way: a thousand requests cause one."""

    def __init__(self) -> None:
        self._task: asyncio.Task[bool] | None = None

    async def join(self) -> bool:
        """Wait for the rebuild that is under way, or start one; False if another process rebuilds."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        # Shielded, since the client of whoever started it may disconnect.
        return await asyncio.shield(self._task)

    async def _run(self) -> bool:
        mark = _unwritten.mark
        done = await denylist.rebuild()
        if done:
            _unwritten.confirm(mark)
        return done


_outage = OutageLog(
    logger,
    "Redis is out of reach: revocations are looked up in the database.",
    "Redis says again what is revoked.",
)
_unwritten = _Unwritten()
_checks: PerLoop[Batcher[Identity, bool]] = PerLoop(lambda: Batcher(_check, in_turn=True))
_rebuild = PerLoop(_Rebuild)


async def _ask_redis(identities: Sequence[Identity]) -> list[Identity] | None:
    if not _unwritten.pending:
        answer = await denylist.denied_among(identities)
        if answer is not None:
            return answer
    # Still pending after a rebuild: it had read the database before the write that is missing was committed.
    if not await _rebuild().join() or _unwritten.pending:
        return None
    return await denylist.denied_among(identities)
