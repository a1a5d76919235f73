"""Backpressure for streamed HTTP answers: finds out, per server program, whether the client reads.

uvicorn's `send` waits while its write buffer is full, which is nearly all that a stream needs. Daphne's `send` returns
at once and buffers without limit. But its protocol object is an ordinary Twisted consumer, which tells a registered
push producer when the buffer is above 64 KiB and when it is empty again. `send` is a `functools.partial` that carries
that object; where it is not found, `send` is taken to wait by itself.

ASGI has no way to drop a connection whose buffer the client will never empty, so `abort_connection` uses the transport.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

Send = Callable[..., Awaitable[None]]


class WriteBackpressure(Protocol):
    """Whether the server program can take more bytes of one answer."""

    async def wait_until_writable(self) -> None:
        """Return as soon as it can."""

    def abort_connection(self) -> None:
        """Drop the connection with everything buffered for it."""

    def detach(self) -> None:
        """Stop watching the connection."""


class AwaitedSendBackpressure:
    """For servers whose `send` waits by itself. uvicorn's `send` is a method of the object that has the transport."""

    def __init__(self, send: Send) -> None:
        self._transport = getattr(getattr(send, "__self__", None), "transport", None)

    async def wait_until_writable(self) -> None:
        """Return at once."""

    def abort_connection(self) -> None:
        """Reset the connection if its transport is known; else the server closes it when the application returns."""
        if self._transport is not None:
            self._transport.abort()

    def detach(self) -> None:
        """Do nothing."""


class DaphneBackpressure:
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

    async def wait_until_writable(self) -> None:
        """Return once the write buffer is below its limit."""
        await self._writable.wait()

    def abort_connection(self) -> None:
        """Reset the connection: its buffer would otherwise wait for the client for ever."""
        if (channel := self._channel()) is not None:
            channel.transport.abortConnection()

    def detach(self) -> None:
        """Unregister from the request, so that it can finish."""
        if self._channel() is not None and self._request.producer is self:
            self._request.unregisterProducer()

    def _channel(self) -> Any:
        """The connection. Twisted sets it to None when it is lost, and deletes it when the request is finished."""
        return getattr(self._request, "channel", None)


def backpressure_of(send: Send) -> WriteBackpressure:
    """The backpressure of the answer that the server's `send` writes."""
    daphne = sys.modules.get("daphne.http_protocol")
    arguments = getattr(send, "args", ())
    if daphne is not None and arguments and isinstance(arguments[0], daphne.WebRequest):
        return DaphneBackpressure(arguments[0])
    return AwaitedSendBackpressure(send)
