"""Finds the identity of an HTTP request: in the `Authorization` header, never in the query string, which is logged."""

from api.http.refusal import HttpRefused
from auth.bearer import bearer_token
from auth.errors import AuthError
from auth.identity import Identity, authenticate
from foundation.errors import ErrorCode

CHALLENGE = b'Bearer realm="parlor"'


async def identify(authorization: str | None) -> Identity | None:
    """The identity that the header's bearer token proves; None without a header (to log in or register).

    Raises HttpRefused for everything else, since a bad token never makes a request anonymous: 401 with
    WWW-Authenticate (RFC 6750), or 503 when tokens cannot be checked right now.
    """
    if authorization is None:
        return None
    token = bearer_token(authorization)
    if not token:
        raise _unauthenticated("Send `Authorization: Bearer` and an access token.", b"invalid_request")
    try:
        return await authenticate(token)
    except AuthError as error:
        if error.code is not ErrorCode.UNAUTHENTICATED:
            raise HttpRefused(503, error.code, error.message, (), **error.data) from None
        raise _unauthenticated(error.message, b"invalid_token") from None


def _unauthenticated(message: str, reason: bytes) -> HttpRefused:
    challenge = CHALLENGE + b', error="' + reason + b'"'
    return HttpRefused(401, ErrorCode.UNAUTHENTICATED, message, ((b"www-authenticate", challenge),))
