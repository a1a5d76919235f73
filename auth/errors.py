"""The errors that `auth` raises. Their texts say no more than a stranger may know."""

from foundation.errors import ErrorCode, ParlorError


class AuthError(ParlorError):
    """A refusal by `auth`: mostly UNAUTHENTICATED, else BAD_INPUT, CONFLICT, NOT_FOUND or INTERNAL."""


def bad_token() -> AuthError:
    """An invalid token or ticket, whatever the cause: forged, revoked, of the wrong type, used up."""
    return AuthError(ErrorCode.UNAUTHENTICATED, "The token is invalid.")


def expired_token() -> AuthError:
    """A token that this server signed and that has expired."""
    return AuthError(ErrorCode.UNAUTHENTICATED, "The token has expired.")


def wrong_credentials() -> AuthError:
    """The same answer for an unknown user, a wrong password and a deactivated account."""
    return AuthError(ErrorCode.UNAUTHENTICATED, "Wrong username or password.")


def bad_field(field: str, message: str) -> AuthError:
    """An invalid input; `field` is its name as the client sent it (camelCase)."""
    return AuthError(ErrorCode.BAD_INPUT, message, field=field)


def unavailable() -> AuthError:
    """Identity cannot be checked now, and nobody gets in without a check."""
    return AuthError(ErrorCode.INTERNAL, "Identity cannot be checked right now. Try again in a moment.")
