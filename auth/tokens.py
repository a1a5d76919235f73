"""Access and refresh tokens: signed and read with simplejwt, without database and Redis.

Both kinds carry `user_id`, `sid` (the session), `jti`, `iat` and `exp`; an access token also `epoch`, the
user's token epoch when it was made. The epoch is exact where `iat`, in whole seconds, is not: tokens made right
before and right after a password change may share a second.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from auth.errors import bad_token, expired_token

# Tokens have about 350 characters. Longer ones are not worth decoding.
MAX_TOKEN_LENGTH = 4096
MAX_USER_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Identity:
    """A user as one access token names them. Nothing in it comes from the database.

    `expires_at` and `issued_at` are UTC; `epoch` is the user's token epoch when the token was made.
    """

    user_id: int
    session_id: str
    token_id: str
    expires_at: datetime
    issued_at: datetime
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """The claims of a refresh token. Whether it still works depends on its session."""

    user_id: int
    session_id: str
    token_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A new token: its text (a secret), its `jti` and its end in UTC."""

    text: str = field(repr=False)
    token_id: str
    expires_at: datetime


def new_access_token(user_id: int, session_id: str, epoch: int) -> SignedToken:
    """An access token that lives ACCESS_TOKEN_SECONDS."""
    token = AccessToken()
    token["epoch"] = epoch
    return _sign(token, user_id, session_id, settings.ACCESS_TOKEN_SECONDS)


def new_refresh_token(user_id: int, session_id: str) -> SignedToken:
    """A refresh token that lives REFRESH_TOKEN_SECONDS."""
    return _sign(RefreshToken(), user_id, session_id, settings.REFRESH_TOKEN_SECONDS)


def read_access_token(text: object) -> Identity:
    """Check signature, type, expiry and shape; any fault raises AuthError(UNAUTHENTICATED)."""
    claims = _verified(AccessToken, text)
    return Identity(
        user_id=_user_id(claims),
        session_id=_session_id(claims),
        token_id=_token_id(claims),
        expires_at=_timestamp(claims, "exp"),
        issued_at=_timestamp(claims, "iat"),
        epoch=_non_negative_int(claims, "epoch"),
    )


def read_refresh_token(text: object) -> RefreshClaims:
    """Check signature, type, expiry and shape; any fault raises AuthError(UNAUTHENTICATED)."""
    claims = _verified(RefreshToken, text)
    return RefreshClaims(
        user_id=_user_id(claims),
        session_id=_session_id(claims),
        token_id=_token_id(claims),
        expires_at=_timestamp(claims, "exp"),
    )


def _sign(token: Token, user_id: int, session_id: str, seconds: float) -> SignedToken:
    # As text, as simplejwt does, so that clients which know its tokens can read these.
    token["user_id"] = str(user_id)
    token["sid"] = session_id
    token.set_exp(lifetime=timedelta(seconds=seconds))
    return SignedToken(str(token), token["jti"], _timestamp(token.payload, "exp"))


def _verified(kind: type[Token], text: object) -> Mapping[str, object]:
    if not isinstance(text, str) or len(text) > MAX_TOKEN_LENGTH:
        raise bad_token()
    try:
        return kind(text).payload  # type: ignore[arg-type]  # simplejwt annotates an encoded token as a Token
    except ExpiredTokenError:
        raise expired_token() from None
    except (TokenError, ValueError, TypeError, OverflowError, OSError, RecursionError):
        # Besides TokenError: what PyJWT and json raise for headers and claims of odd shapes.
        raise bad_token() from None


def _non_negative_int(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or value < 0:
        raise bad_token()
    return value


def _timestamp(claims: Mapping[str, object], name: str) -> datetime:
    try:
        return datetime.fromtimestamp(_non_negative_int(claims, name), UTC)
    except (ValueError, OverflowError, OSError):
        raise bad_token() from None


def _user_id(claims: Mapping[str, object]) -> int:
    value = claims.get("user_id")
    if not isinstance(value, str) or not (value.isascii() and value.isdecimal()) or len(value) > 19:
        raise bad_token()
    user_id = int(value)
    if user_id > MAX_USER_ID:
        raise bad_token()
    return user_id


def _session_id(claims: Mapping[str, object]) -> str:
    value = claims.get("sid")
    if not isinstance(value, str):
        raise bad_token()
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise bad_token() from None


def _token_id(claims: Mapping[str, object]) -> str:
    value = claims.get("jti")
    if not isinstance(value, str) or not value:
        raise bad_token()
    return value
