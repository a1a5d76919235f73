"""Keeping an identity under watch while a stream of its runs: its token's time, and its revocation."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from django.conf import settings

from api.http.open_streams import ended_by
from auth.errors import AuthError
from auth.identity import Identity, require_current
from auth.revocation import RevocationReason, Revoked
from chats.feeds.hub import get_hub
from foundation.errors import ErrorCode
from schema.errors import FormattedError


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

    # Joining in a task of its own: the stream may be cancelled at any moment, and the hub's connection to Redis, which
    # all feeds share, must not be cancelled amid a command.
    hub = get_hub()
    joining = asyncio.create_task(hub.listen_control(identity.user_id, hear))
    _joining.add(joining)
    joining.add_done_callback(_joining.discard)
    try:
        yield
    finally:
        joining.add_done_callback(lambda _: hub.remove_user_listener(identity.user_id, hear))


_joining: set[asyncio.Task[None]] = set()
