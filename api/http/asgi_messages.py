"""The ASGI messages of one HTTP request, and what is read from its scope."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]


class ClientLeft(Exception):  # noqa: N818 - what happened, not a fault
    """The client closed the connection before it had its answer: nobody is there to answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """A request header as text, None when it is missing. Repeated ones are joined as one list (RFC 9110, 5.3)."""
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def peer(scope: Scope) -> str | None:
    """The address of who connected: the client or a proxy; None over a Unix socket."""
    client = scope.get("client")
    return client[0] if client else None


async def respond(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole response; `content-length` is added."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
