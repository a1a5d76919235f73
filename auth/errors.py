"""Refusals of identity. No text here says more than a stranger may know."""

from foundation.errors import ErrorCode, ParlorError


class AuthError(ParlorError):
    """A refusal by `auth`: UNAUTHENTICATED mostly, else BAD_INPUT, CONFLICT, NOT_FOUND or INTERNAL."""


def bad_token() -> AuthError:
    """A token or ticket that is no good, whatever the cause: forged, revoked, of the wrong type, used up."""
    return AuthError(ErrorCode.UNAUTHENTICATED, "The token is invalid.")


def expired_token() -> AuthError:
    """A token that was ours and whose time is over."""
    return AuthError(ErrorCode.UNAUTHENTICATED, "The token has expired.")


def wrong_credentials() -> AuthError:
    """One answer to an unknown user, a wrong password and a deactivated account."""
    return AuthError(ErrorCode.UNAUTHENTICATED, "Wrong username or password.")


def bad_field(field: str, message: str) -> AuthError:
    """An input that cannot be accepted; `field` is its name as the client sent it (camelCase)."""
    return AuthError(ErrorCode.BAD_INPUT, message, field=field)


def unavailable() -> AuthError:
    """Identity cannot be checked now, and nobody gets in unchecked."""
    return AuthError(ErrorCode.INTERNAL, "Identity cannot be checked right now. Try again in a moment.")
