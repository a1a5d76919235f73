"""Learning whether the client reads, from a server that does not say so.

uvicorn's `send` waits while its write buffer is full, and that is nearly all a stream needs. Daphne's `send` returns at
once and buffers without bound. Its protocol object is an ordinary Twisted consumer, though, which tells a registered
push producer when the buffer is above 64 KiB and when it is empty again. `send` is a `functools.partial` that carries
that object; a server where it is not found is taken to wait in `send`.

ASGI knows no way to drop a connection whose buffer the client will never empty, so `abort` reaches for the transport.
"""

import asyncio
import sys
from typing import Any, Protocol

from api.http.asgi_messages import Send


class Gate(Protocol):
    """Whether the server can take more bytes."""

    async def wait(self) -> None:
        """Return as soon as it can."""

    def abort(self) -> None:
        """Drop the connection with all that is buffered for it."""

    def close(self) -> None:
        """Stop watching."""


class OpenGate:
    """For servers whose `send` waits by itself; under uvicorn it is a method of what holds the transport."""

    def __init__(self, send: Send) -> None:
        self._transport = getattr(getattr(send, "__self__", None), "transport", None)

    async def wait(self) -> None:
        """Return at once."""

    def abort(self) -> None:
        """Reset the connection where its transport is found; else the server closes it when the application returns."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Nothing to stop."""


class DaphneGate:
    """A Twisted push producer on a Daphne request (twisted.internet.interfaces.IPushProducer, without its import)."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._writable = asyncio.Event()
        self._writable.set()
        request.registerProducer(self, True)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The write buffer is full."""
        self._writable.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The write buffer is empty."""
        self._writable.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection is gone."""
        self._writable.set()

    async def wait(self) -> None:
        """Return once the write buffer is below its limit."""
        await self._writable.wait()

    def abort(self) -> None:
        """Reset the connection: its buffer would otherwise wait for the client for ever."""
        if (channel := self._channel()) is not None:
            channel.transport.abortConnection()

    def close(self) -> None:
        """Give the request its consumer back, so that it can finish."""
        if self._channel() is not None and self._request.producer is self:
            self._request.unregisterProducer()

    def _channel(self) -> Any:
        """The connection; Twisted sets it to None when it is lost, and deletes it when the request is finished."""
        return getattr(self._request, "channel", None)


def gate_of(send: Send) -> Gate:
    """The gate of the server that `send` belongs to."""
    daphne = sys.modules.get("daphne.http_protocol")
    arguments = getattr(send, "args", ())
    if daphne is not None and arguments and isinstance(arguments[0], daphne.WebRequest):
        return DaphneGate(arguments[0])
    return OpenGate(send)
