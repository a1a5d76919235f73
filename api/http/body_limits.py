"""Applies MAX_BODY_BYTES and BODY_TIMEOUT_SECONDS to the requests that Django handles.

Django alone would first write the whole body of any client to the disk and check its size afterwards, and would wait
for a body that never ends.
"""

import asyncio

from django.conf import settings

from api.http.asgi_messages import Application, Headers, Message, Receive, Scope, Send, header, respond
from api.http.body import CLOSE, check_declared_length
from api.http.refusal import HttpRefused


def with_body_limits(application: Application) -> Application:
    """The application, with a 413 for larger bodies and a 408 for slower ones.

    The application is not even called when Content-Length is above the limit.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            check_declared_length(header(scope, b"content-length"))
        except HttpRefused as refusal:
            await _refuse(send, refusal.status, str(refusal))
            return
        body = _LimitedBody(receive)
        await application(scope, body.receive, send)
        if body.is_too_large:
            await _refuse(send, 413, "The body is too large.")
        elif body.is_too_slow:
            await _refuse(send, 408, "The body did not arrive in time.", CLOSE)

    return serve


class _LimitedBody:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes_left = settings.MAX_BODY_BYTES
        self._deadline: float | None = asyncio.get_running_loop().time() + settings.BODY_TIMEOUT_SECONDS
        self.is_too_large = False
        self.is_too_slow = False

    async def receive(self) -> Message:
        """The next message. Once the body is refused, the application is told that the client has left."""
        if not (self.is_too_large or self.is_too_slow):
            try:
                async with asyncio.timeout_at(self._deadline):
                    message = await self._receive()
            except TimeoutError:
                self.is_too_slow = True
            else:
                return self._count(message)
        return {"type": "http.disconnect"}

    def _count(self, message: Message) -> Message:
        self._bytes_left -= len(message.get("body", b""))
        if self._bytes_left < 0:
            self.is_too_large = True
            return {"type": "http.disconnect"}
        if not message.get("more_body", False):
            self._deadline = None  # the next message is the client's disconnect, at any time
        return message


async def _refuse(send: Send, status: int, sentence: str, headers: Headers = ()) -> None:
    text = (b"content-type", b"text/plain; charset=utf-8")
    await respond(send, status, (text, *headers), f"{sentence}\n".encode())
