"""Bodies for the rest of the process, which is Django's: never more of one than `MAX_BODY_BYTES`.

Django would first put the whole of a body on the disk, whoever sends it, and look at its size afterwards.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from api.http.body import check_declared_length
from api.http.refusal import Refused
from api.http.wire import Message, Receive, Scope, Send, header, respond

# As loosely typed as the messages of ASGI applications are.
Application = Callable[[Any, Any, Any], Awaitable[None]]


def bounded(application: Application) -> Application:
    """The application behind a 413 for larger bodies; with an honest Content-Length it is not even called."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            check_declared_length(header(scope, b"content-length"))
        except Refused as refusal:
            await _refuse(send, refusal.status, str(refusal))
            return
        body = _Body(receive)
        await application(scope, body.receive, send)
        if body.is_too_large:
            await _refuse(send, 413, "The body is too large.")

    return serve


class _Body:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = settings.MAX_BODY_BYTES
        self.is_too_large = False

    async def receive(self) -> Message:
        """The next message; once the body is too large, the client has left as far as the application knows."""
        if not self.is_too_large:
            message = await self._receive()
            self._left -= len(message.get("body", b""))
            if self._left >= 0:
                return message
            self.is_too_large = True
        return {"type": "http.disconnect"}


async def _refuse(send: Send, status: int, sentence: str) -> None:
    await respond(send, status, ((b"content-type", b"text/plain; charset=utf-8"),), f"{sentence}\n".encode())
