"""The types of ASGI applications and messages, and small helpers to read a scope and send a response."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

# As loosely typed as ASGI applications are in practice.
Application = Callable[[Any, Any, Any], Awaitable[None]]


class ClientLeft(Exception):  # noqa: N818 - an event, not a fault
    """The client closed the connection before it had its answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """A request header as text; None when it is missing. Repeated headers are joined to one list (RFC 9110, 5.3)."""
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def peer_address(scope: Scope) -> str | None:
    """The address that connected, the client's or a proxy's; None over a Unix socket."""
    client = scope.get("client")
    return client[0] if client else None


async def respond(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole response, with `content-length` added."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
