"""Bodies for the rest of the process, which is Django's: bounded by `MAX_BODY_BYTES` and `BODY_TIMEOUT_SECONDS`.

Django would first put the whole of a body on the disk, whoever sends it, and look at its size afterwards; and it waits
for a body that never ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from api.http.asgi_messages import Headers, Message, Receive, Scope, Send, header, respond
from api.http.body import CLOSE, check_declared_length
from api.http.refusal import Refused

# As loosely typed as the messages of ASGI applications are.
Application = Callable[[Any, Any, Any], Awaitable[None]]


def bounded(application: Application) -> Application:
    """The application behind a 413 for larger bodies and a 408 for those that take too long.

    With a Content-Length that says that it is too large it is not even called.
    """

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
        elif body.is_too_slow:
            await _refuse(send, 408, "The body did not arrive in time.", CLOSE)

    return serve


class _Body:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = settings.MAX_BODY_BYTES
        self._ends: float | None = asyncio.get_running_loop().time() + settings.BODY_TIMEOUT_SECONDS
        self.is_too_large = False
        self.is_too_slow = False

    async def receive(self) -> Message:
        """The next message; of a refused body none: the client has left as far as the application knows."""
        if not (self.is_too_large or self.is_too_slow):
            try:
                async with asyncio.timeout_at(self._ends):
                    message = await self._receive()
            except TimeoutError:
                self.is_too_slow = True
            else:
                return self._bounded(message)
        return {"type": "http.disconnect"}

    def _bounded(self, message: Message) -> Message:
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.is_too_large = True
            return {"type": "http.disconnect"}
        if not message.get("more_body", False):
            self._ends = None  # what comes then is word of the client's leaving, at any time
        return message


async def _refuse(send: Send, status: int, sentence: str, headers: Headers = ()) -> None:
    text = (b"content-type", b"text/plain; charset=utf-8")
    await respond(send, status, (text, *headers), f"{sentence}\n".encode())
