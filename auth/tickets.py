"""Socket tickets: stand-ins for an access token where only an address can be given, good once and briefly."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from auth.errors import bad_token, expired_token, unavailable
from auth.identity import Identity, require_current
from foundation.redis import async_redis

TICKET_BYTES = 32
# Ours have 43 characters.
MAX_TICKET_LENGTH = 128

ChatIdsProvider = Callable[[int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket just made: its text (a secret) and its end in UTC."""

    ticket: str = field(repr=False)
    expires_at: datetime


async def issue_ticket(identity: Identity) -> Ticket:
    """A ticket that stands for the identity, for SOCKET_TICKET_SECONDS or as long as its token if that is less.

    Only its hash is stored. Raises AuthError: UNAUTHENTICATED for an expired identity, INTERNAL without Redis.
    """
    now = datetime.now(UTC)
    expires_at = min(now + timedelta(seconds=settings.SOCKET_TICKET_SECONDS), identity.expires_at)
    if expires_at <= now:
        raise expired_token()
    ticket = secrets.token_urlsafe(TICKET_BYTES)
    try:
        # pxat: whole milliseconds of a moment in time, so that a slow round trip does not make it longer.
        pxat = int(expires_at.timestamp() * 1000)
        await async_redis().set(_key(ticket), msgspec.json.encode(identity), pxat=pxat)
    except RedisError:
        raise unavailable() from None
    return Ticket(ticket, expires_at)


async def redeem_ticket(ticket: object) -> Identity:
    """The identity that a ticket was made for; the ticket is then used up, also when it is refused.

    Of many who try at once one succeeds. Raises AuthError: UNAUTHENTICATED for a ticket that is unknown, used
    or expired and for an identity that was revoked meanwhile, INTERNAL without Redis.
    """
    if not isinstance(ticket, str) or not ticket.isascii() or len(ticket) > MAX_TICKET_LENGTH:
        raise bad_token()
    try:
        stored = await async_redis().getdel(_key(ticket))
    except RedisError:
        raise unavailable() from None
    if stored is None:
        raise bad_token()
    identity = msgspec.json.decode(stored, type=Identity)
    await require_current(identity)
    return identity


async def no_chat_ids(user_id: int) -> Sequence[str]:  # noqa: ARG001 - a provider's signature
    """What stands until `api` says where chat ids come from: identity knows no chat."""
    return ()


_chat_ids_provider: ChatIdsProvider = no_chat_ids


def provide_chat_ids(provider: ChatIdsProvider) -> None:
    """Have the ids of a user's chats, as clients see them, come from `provider`. Called once, at start."""
    global _chat_ids_provider
    _chat_ids_provider = provider


async def chat_ids(user_id: int) -> Sequence[str]:
    """The ids of all the user's chats, as clients see them."""
    return await _chat_ids_provider(user_id)


def _key(ticket: str) -> str:
    return f"auth:ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
