"""Ends tokens before they expire, in all processes at once, and says which identities have ended.

A service changes the rows and calls `revoke_on_commit` in the same transaction. The commit writes the deny-list in
Redis, then calls the listeners. A write that Redis did not take is not lost: this process asks the database until it
has rebuilt the list, and every other process sees the entry once the list is rebuilt.
"""

import asyncio
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


@dataclass(frozen=True, slots=True)
class Revoked:
    """Tokens that ended: those of the given sessions or, with `session_ids` None, all of the user below `epoch`.

    The epoch spares tokens made after the change, such as the new ones of `change_password`; it is None when sessions
    are given.
    """

    user_id: int
    session_ids: frozenset[str] | None
    epoch: int | None = None

    def covers(self, identity: Identity) -> bool:
        """Whether the identity's token has ended by this revocation."""
        if identity.user_id != self.user_id:
            return False
        if self.session_ids is not None:
            return identity.session_id in self.session_ids
        return self.epoch is None or identity.epoch < self.epoch


Listener = Callable[[Revoked], None]
_listeners: list[Listener] = []


def on_revoked(listener: Listener) -> Callable[[], None]:
    """Call `listener` after each committed revocation, on the thread that committed it; it must return quickly.

    Returns a function that removes the listener. A failing listener is logged and stops no other.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def revoke_on_commit(revoked: Revoked) -> None:
    """Inside the transaction that ended the tokens: deny them and notify the listeners once it is committed."""
    transaction.on_commit(lambda: _deny_and_notify(revoked))


async def is_revoked(identity: Identity) -> bool:
    """Whether the identity's token was revoked. Raises as `revoked_among` does.

    Calls made at the same time share the round trip.
    """
    return bool(await _checks().load(identity))


async def _check(identities: list[Identity]) -> dict[Identity, bool]:
    return dict.fromkeys(await revoked_among(identities), True)


async def revoked_among(identities: Sequence[Identity]) -> list[Identity]:
    """Those of the identities whose tokens were revoked: one Redis round trip for all.

    Asks the database while Redis cannot be reached or the deny-list is being rebuilt: no revoked token gets in, and no
    other is kept out. Raises AuthError(INTERNAL) when neither answers.
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
        return await in_thread(denylist.revoked_in_database, identities)
    except DatabaseError:
        logger.exception("Revocations cannot be checked: neither Redis nor the database answers.")
        raise unavailable() from None


def _deny_and_notify(revoked: Revoked) -> None:
    if revoked.session_ids is not None:
        denied = denylist.Denied(session_ids=revoked.session_ids)
    else:
        denied = denylist.Denied(epochs=((revoked.user_id, revoked.epoch or 0),))
    try:
        denylist.write(denied)
    except RedisError as error:
        _missing_writes.record()
        logger.warning(
            "A revocation did not reach Redis (%s): the deny-list will be rebuilt.", type(error).__name__
        )
    for listener in tuple(_listeners):
        try:
            listener(revoked)
        except Exception:
            logger.exception("A listener to revocations failed; the revocation holds.")


class _MissingWrites:
    """Counts deny-list writes of this process that Redis may lack. Any thread records one, a rebuild restores them."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self._recorded = 0
        self._restored = 0

    def record(self) -> None:
        """Redis may lack a write."""
        self._recorded = next(self._counter)

    @property
    def recorded(self) -> int:
        """The number of the last write recorded."""
        return self._recorded

    @property
    def pending(self) -> bool:
        """Whether Redis may lack a write."""
        return self._recorded != self._restored

    def restore(self, number: int) -> None:
        """A rebuild has written all up to this number: it read the database after that one was recorded."""
        self._restored = number


class _Rebuild:
    """The deny-list's current rebuild on one event loop: a thousand requests share one."""

    def __init__(self) -> None:
        self._task: asyncio.Task[bool] | None = None

    async def wait(self) -> bool:
        """Wait for the current rebuild, or start one; False if another process rebuilds."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        # Shielded, since the client of the request that started it may disconnect.
        return await asyncio.shield(self._task)

    async def _run(self) -> bool:
        recorded = _missing_writes.recorded
        done = await denylist.rebuild()
        if done:
            _missing_writes.restore(recorded)
        return done


_outage = OutageLog(
    logger,
    "Redis is out of reach: revocations are looked up in the database.",
    "revocations are looked up in Redis again.",
)
_missing_writes = _MissingWrites()
_checks: PerLoop[Batcher[Identity, bool]] = PerLoop(lambda: Batcher(_check, in_turn=True))
_rebuild = PerLoop(_Rebuild)


async def _ask_redis(identities: Sequence[Identity]) -> list[Identity] | None:
    if not _missing_writes.pending:
        answer = await denylist.denied_among(identities)
        if answer is not None:
            return answer
    # Still pending after a rebuild: it read the database before the missing write was committed.
    if not await _rebuild().wait() or _missing_writes.pending:
        return None
    return await denylist.denied_among(identities)
