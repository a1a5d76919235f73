"""Checks access tokens: from a token to an identity, without a database query."""

from datetime import UTC, datetime

from auth.errors import bad_token, expired_token
from auth.revocation import is_revoked
from auth.tokens import Identity, read_access_token

__all__ = ["Identity", "authenticate", "require_current"]


async def authenticate(access_token: object) -> Identity:
    """The identity that an access token proves.

    Checks signature, type, expiry and shape, then revocation in one Redis round trip. Raises
    AuthError(UNAUTHENTICATED), which says expired or invalid and no more; AuthError(INTERNAL) when revocation
    cannot be checked at all.
    """
    identity = read_access_token(access_token)
    if await is_revoked(identity):
        raise bad_token()
    return identity


async def require_current(identity: Identity) -> None:
    """Check an identity again, later: raises as `authenticate` does once it has expired or was revoked."""
    if identity.expires_at <= datetime.now(UTC):
        raise expired_token()
    if await is_revoked(identity):
        raise bad_token()
