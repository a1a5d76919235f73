"""Reads the body of a GraphQL request, and never more of it than MAX_BODY_BYTES."""

import asyncio

from django.conf import settings

from api.http.asgi_messages import ClientLeft, Message, Receive, Scope, header
from api.http.refusal import HttpRefused, malformed
from foundation.errors import ErrorCode

# The rest of the body may still come at any time, so the connection cannot carry another request.
CLOSE = ((b"connection", b"close"),)


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body.

    Raises HttpRefused: 413 beyond MAX_BODY_BYTES (at once when Content-Length says so), 408 when it does not arrive
    within BODY_TIMEOUT_SECONDS, 415 when it is compressed. Raises ClientLeft.
    """
    if (header(scope, b"content-encoding") or "identity").lower() != "identity":
        raise HttpRefused(415, ErrorCode.BAD_INPUT, "Send the body without a Content-Encoding.")
    check_declared_length(header(scope, b"content-length"))
    try:
        async with asyncio.timeout(settings.BODY_TIMEOUT_SECONDS):
            return await _read_all(receive)
    except TimeoutError:
        raise HttpRefused(408, ErrorCode.BAD_INPUT, "The body did not arrive in time.", CLOSE) from None


async def _read_all(receive: Receive) -> bytes:
    message = await _next(receive)
    if not message.get("more_body", False):
        return _within_limit(bytes(message.get("body", b"")))
    body = bytearray(message.get("body", b""))
    while message.get("more_body", False):
        if len(body) > settings.MAX_BODY_BYTES:
            break
        message = await _next(receive)
        body += message.get("body", b"")
    return _within_limit(bytes(body))


def _within_limit(body: bytes) -> bytes:
    if len(body) > settings.MAX_BODY_BYTES:
        raise _too_large()
    return body


def check_declared_length(declared: str | None) -> None:
    """Raise HttpRefused for a Content-Length above MAX_BODY_BYTES (413) and for one that is not a number (400)."""
    if declared is None:
        return
    if not (declared.isascii() and declared.isdigit()):
        raise malformed("Content-Length must be a whole number.")
    # More than 18 digits exceed any limit (unless they are leading zeros), and are slow to convert.
    if len(declared) > 18 or int(declared) > settings.MAX_BODY_BYTES:
        raise _too_large()


def _too_large() -> HttpRefused:
    limit = settings.MAX_BODY_BYTES
    message = f"The body is larger than {limit} bytes."
    # Without CLOSE: a client that is still sending would see a reset instead of this answer. The server program drops
    # the rest.
    return HttpRefused(413, ErrorCode.TOO_LARGE, message, maxBytes=limit)


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    return message
