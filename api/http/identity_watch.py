"""Watches an identity while a subscription of it is streamed over HTTP: its expiry and its revocation."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings

from api.http.open_subscriptions import end_errors
from api.socket.control_messages import Revoke, decode_control_message
from auth.errors import AuthError
from auth.identity import Identity, require_current
from chats.feeds.hub import get_hub
from foundation.errors import ErrorCode
from schema.errors import FormattedError

# The loop keeps tasks by weak references only.
_join_tasks: set[asyncio.Task[None]] = set()


async def wait_until_invalid(identity: Identity) -> list[FormattedError]:
    """Return once the identity has expired or was revoked, with the errors for its client.

    The user's control feed reports a revocation at once. Should that message be lost, a check finds the revocation at
    most KEEP_ALIVE_SECONDS later. An identity that cannot be checked at the moment stays valid.
    """
    revoked = asyncio.Event()
    with _listening_for_revocation(identity, revoked):
        while (left := (identity.expires_at - datetime.now(UTC)).total_seconds()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, settings.KEEP_ALIVE_SECONDS)):
                    await revoked.wait()
                return end_errors(ErrorCode.UNAUTHENTICATED, "The access token was revoked.")
            try:
                await require_current(identity)
            except AuthError as error:
                if error.code is ErrorCode.UNAUTHENTICATED:
                    return end_errors(error.code, error.message)
    return end_errors(ErrorCode.UNAUTHENTICATED, "The token has expired.")


@contextlib.contextmanager
def _listening_for_revocation(identity: Identity, revoked: asyncio.Event) -> Iterator[None]:
    """Set `revoked` when the user's control feed reports a revocation that covers the identity."""

    def on_control(body: bytes) -> None:
        message = decode_control_message(body)
        if isinstance(message, Revoke) and message.revoked(identity.user_id).covers(identity):
            revoked.set()

    # The feed is joined in a task: the stream may be cancelled at any moment, and the hub's connection to Redis, which
    # all feeds share, must not be cancelled mid-command.
    hub = get_hub()
    joining = asyncio.create_task(hub.listen_control(identity.user_id, on_control))
    _join_tasks.add(joining)
    joining.add_done_callback(_join_tasks.discard)
    try:
        yield
    finally:
        joining.add_done_callback(lambda _: hub.remove_user_listener(identity.user_id, on_control))
