"""Who asks: the `Authorization` header. Never the query string, which ends in logs."""

from api.http.refusal import Refused
from auth.errors import AuthError
from auth.identity import Identity, authenticate
from foundation.errors import ErrorCode

CHALLENGE = b'Bearer realm="parlor"'


async def identify(authorization: str | None) -> Identity | None:
    """The identity that the header's bearer token proves; None when there is no header (log in, register).

    Raises Refused for anything else, since a bad token never becomes an anonymous one: 401 with WWW-Authenticate
    (RFC 6750), or 503 when tokens cannot be checked right now.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise _unauthenticated("Send `Authorization: Bearer` and an access token.", b"invalid_request")
    try:
        return await authenticate(token)
    except AuthError as error:
        if error.code is not ErrorCode.UNAUTHENTICATED:
            raise Refused(503, error.code, error.message, (), **error.data) from None
        raise _unauthenticated(error.message, b"invalid_token") from None


def _unauthenticated(message: str, reason: bytes) -> Refused:
    challenge = CHALLENGE + b', error="' + reason + b'"'
    return Refused(401, ErrorCode.UNAUTHENTICATED, message, ((b"www-authenticate", challenge),))
