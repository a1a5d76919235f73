"""Keeping an identity under watch while a stream of its runs: its token's time, and its revocation."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from api.http.registry import ended_by
from auth.errors import AuthError
from auth.identity import Identity, require_current
from auth.revocation import RevocationReason, Revoked
from chats.feeds.hub import ControlListener, get_hub
from foundation.errors import ErrorCode
from schema.errors import FormattedError

logger = logging.getLogger(__name__)


class _Control(msgspec.Struct, rename="camel"):
    """A message on a user's control feed; only those of type `revoke` concern us."""

    type: str
    session_ids: list[str] | None = None
    epoch: int | None = None


_decoder = msgspec.json.Decoder(_Control)


async def until_invalid(identity: Identity) -> list[FormattedError]:
    """Return once the identity is no longer good, with what its client should know.

    A revocation is heard of at once through the user's control feed, and found at the latest KEEP_ALIVE_SECONDS after
    it, whatever happened to that message. An identity that cannot be checked just now stays good.
    """
    revoked = asyncio.Event()
    with _listening(identity, revoked):
        while (left := (identity.expires_at - datetime.now(UTC)).total_seconds()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, settings.KEEP_ALIVE_SECONDS)):
                    await revoked.wait()
                return ended_by(ErrorCode.UNAUTHENTICATED, "The access token was revoked.")
            try:
                await require_current(identity)
            except AuthError as error:
                if error.code is ErrorCode.UNAUTHENTICATED:
                    return ended_by(error.code, error.message)
    return ended_by(ErrorCode.UNAUTHENTICATED, "The token has expired.")


@contextlib.contextmanager
def _listening(identity: Identity, revoked: asyncio.Event) -> Iterator[None]:
    """Set `revoked` when the control feed says that the identity is."""

    def hear(body: bytes) -> None:
        message = _decoder.decode(body)
        if message.type != "revoke":
            return
        sessions = None if message.session_ids is None else frozenset(message.session_ids)
        reason = RevocationReason.SIGNED_OUT  # the message names none
        if Revoked(identity.user_id, sessions, reason, message.epoch).covers(identity):
            revoked.set()

    # In tasks of their own: the stream may be cancelled at any moment, and the hub's connection to Redis, which all
    # feeds share, must not be cancelled amid a command.
    joined = _spawn(_join(identity.user_id, hear))
    try:
        yield
    finally:
        _spawn(_leave(joined, identity.user_id, hear))


async def _join(user_id: int, hear: ControlListener) -> None:
    try:
        await get_hub().listen_control(user_id, hear)
    except (RedisError, OSError) as error:
        logger.warning("A stream cannot follow its user's control feed: %s", type(error).__name__)


async def _leave(joined: asyncio.Task[None], user_id: int, hear: ControlListener) -> None:
    await joined
    with contextlib.suppress(RedisError, OSError):
        await get_hub().leave_control(user_id, hear)


_tasks: set[asyncio.Task[None]] = set()


def _spawn(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task
