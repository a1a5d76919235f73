"""Reading a request's body, never more of it than `MAX_BODY_BYTES`."""

import asyncio

from django.conf import settings

from api.http.asgi_messages import ClientLeft, Message, Receive, Scope, header
from api.http.refusal import Refused, malformed
from foundation.errors import ErrorCode


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body.

    Raises Refused: 413 beyond MAX_BODY_BYTES (at once when Content-Length says so), 408 when it does not arrive
    within BODY_TIMEOUT_SECONDS, 415 when it is compressed. Raises ClientLeft.
    """
    if (header(scope, b"content-encoding") or "identity").lower() != "identity":
        raise Refused(415, ErrorCode.BAD_INPUT, "Send the body without a Content-Encoding.")
    check_declared_length(header(scope, b"content-length"))
    try:
        async with asyncio.timeout(settings.BODY_TIMEOUT_SECONDS):
            return await _read_all(receive)
    except TimeoutError:
        raise Refused(408, ErrorCode.BAD_INPUT, "The body did not arrive in time.", CLOSE) from None


async def _read_all(receive: Receive) -> bytes:
    message = await _next(receive)
    if not message.get("more_body", False):
        return _bounded(bytes(message.get("body", b"")))
    body = bytearray(message.get("body", b""))
    while message.get("more_body", False):
        if len(body) > settings.MAX_BODY_BYTES:
            break
        message = await _next(receive)
        body += message.get("body", b"")
    return _bounded(bytes(body))


# The rest of the body may come at any time, so the connection cannot carry another request.
CLOSE = ((b"connection", b"close"),)


def _bounded(body: bytes) -> bytes:
    if len(body) > settings.MAX_BODY_BYTES:
        raise _too_large()
    return body


def check_declared_length(declared: str | None) -> None:
    """Raise Refused for a Content-Length above MAX_BODY_BYTES (413) and for one that is no length (400)."""
    if declared is None:
        return
    if not (declared.isascii() and declared.isdigit()):
        raise malformed("Content-Length must be a whole number.")
    # Leading zeros aside, more than 18 digits are too many for any bound, and slow to convert.
    if len(declared) > 18 or int(declared) > settings.MAX_BODY_BYTES:
        raise _too_large()


def _too_large() -> Refused:
    limit = settings.MAX_BODY_BYTES
    message = f"The body is larger than {limit} bytes."
    # The connection is not closed: a client that is still sending would see a reset instead of this answer. Servers
    # drop what still comes.
    return Refused(413, ErrorCode.TOO_LARGE, message, maxBytes=limit)


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    return message
