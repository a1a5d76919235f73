"""Socket tickets: replace an access token where a client can give only a URL; each works once and for a short time."""

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
# Tickets have 43 characters.
MAX_TICKET_LENGTH = 128

ChatIdsProvider = Callable[[int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A new ticket: its text (a secret) and its end in UTC."""

    ticket: str = field(repr=False)
    expires_at: datetime


async def issue_ticket(identity: Identity) -> Ticket:
    """A ticket for the identity. It lives SOCKET_TICKET_SECONDS, but no longer than the identity's token.

    Only its hash is stored. Raises AuthError: UNAUTHENTICATED for an expired identity, INTERNAL without Redis.
    """
    now = datetime.now(UTC)
    expires_at = min(now + timedelta(seconds=settings.SOCKET_TICKET_SECONDS), identity.expires_at)
    if expires_at <= now:
        raise expired_token()
    ticket = secrets.token_urlsafe(TICKET_BYTES)
    try:
        # pxat is a moment in whole milliseconds, so a slow round trip does not make the ticket live longer.
        pxat = int(expires_at.timestamp() * 1000)
        await async_redis().set(_key(ticket), msgspec.json.encode(identity), pxat=pxat)
    except RedisError:
        raise unavailable() from None
    return Ticket(ticket, expires_at)


async def redeem_ticket(ticket: object) -> Identity:
    """The identity that a ticket was issued for; the ticket is then used up, also when it is refused.

    Of many attempts at once, one succeeds. Raises AuthError: UNAUTHENTICATED for a ticket that is unknown, used
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
    """The provider until `api` installs one: identity knows nothing of chats."""
    return ()


_chat_ids_provider: ChatIdsProvider = no_chat_ids


def provide_chat_ids(provider: ChatIdsProvider) -> None:
    """Make `provider` the source of the ids of a user's chats, as clients see them. Called once, at start."""
    global _chat_ids_provider
    _chat_ids_provider = provider


async def chat_ids(user_id: int) -> Sequence[str]:
    """The ids of all the user's chats, as clients see them."""
    return await _chat_ids_provider(user_id)


def _key(ticket: str) -> str:
    return f"auth:ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
