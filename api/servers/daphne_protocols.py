"""Daphne's HTTP request and websocket protocol, with the fixes that `api.servers.daphne` lists."""

import asyncio
from typing import Any

from daphne.http_protocol import WebRequest as StockRequest
from daphne.ws_protocol import WebSocketProtocol as StockProtocol
from django.conf import settings
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from api.servers.turn_writes import TurnWriter, text_frame
from api.socket.close_codes import cut_reason

REQUEST_TIMEOUT_RESPONSE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

# Attributes that autobahn and daphne keep of the handshake: 2 kB a socket that nobody reads once it is open.
_HANDSHAKE_ATTRIBUTES = frozenset(
    [
        "_raw_query_string",
        "_wskey",
        "application_deferred",
        "clean_headers",
        "http_headers",
        "http_request_data",
        "http_request_host",
        "http_request_params",
        "http_request_path",
        "http_request_uri",
        "http_response_data",
        "http_status_line",
        "protocol_to_accept",
        "websocket_extensions",
        "websocket_origin",
        "websocket_protocols",
    ]
)


@implementer(IPushProducer)
class WriteBufferState:
    """Whether a transport's write buffer is full. Twisted reports when it fills up, and when it is empty again."""

    __slots__ = ("_emptied",)

    def __init__(self) -> None:
        # Set while the buffer is full. An asyncio.Event would have a deque of waiters, 0.8 kB for each socket.
        self._emptied: asyncio.Future[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether writers should wait."""
        return self._emptied is not None

    async def wait(self) -> None:
        """Wait until the buffer is empty or the connection is lost."""
        while self._emptied is not None:
            await asyncio.shield(self._emptied)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The buffer holds more than the transport's `bufferSize`."""
        if self._emptied is None:
            self._emptied = asyncio.get_running_loop().create_future()

    def resumeProducing(self) -> None:  # noqa: N802
        """The buffer is empty."""
        if self._emptied is not None:
            self._emptied.set_result(None)
            self._emptied = None

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is lost: wake the writers."""
        self.resumeProducing()


class WebRequest(StockRequest):  # type: ignore[misc]
    """Daphne's request with limits on its body, which is stored before the application is called.

    Stores one byte more than MAX_BODY_BYTES at most, and gives the body BODY_TIMEOUT_SECONDS to arrive.
    """

    _deadline: asyncio.TimerHandle | None = None

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """The head has come; a body of this length, or of chunks (None), follows."""
        super().gotLength(length)
        if length != 0:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(settings.BODY_TIMEOUT_SECONDS, self._on_body_timeout)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """A piece of the body came."""
        super().handleContentChunk(data[: max(0, settings.MAX_BODY_BYTES + 1 - self.content.tell())])

    def process(self) -> None:
        """The whole body has come."""
        self._cancel_deadline()
        super().process()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """The client is gone."""
        self._cancel_deadline()
        super().connectionLost(reason)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_body_timeout(self) -> None:
        self._deadline = None
        self.channel.transport.write(REQUEST_TIMEOUT_RESPONSE)
        self.channel.loseConnection()


class WebSocketProtocol(StockProtocol):  # type: ignore[misc]  # daphne has no types
    """Daphne's protocol with close reasons, backpressure and joined writes."""

    write_buffer: WriteBufferState | None = None
    _writer: TurnWriter | None = None

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        """The handshake is done: watch the transport's buffer, join the writes and forget the handshake."""
        self.write_buffer = WriteBufferState()
        # The HTTP channel of the handshake is still registered and would stop reading while the buffer is full, so the
        # pongs that tell how far the client has read would not arrive.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.write_buffer, True)
        self._writer = TurnWriter(self.transport)
        super().onOpen()
        self.request.headers.clear()
        # Into a new dict, since a dict never shrinks.
        kept = {name: value for name, value in vars(self).items() if name not in _HANDSHAKE_ATTRIBUTES}
        self.__dict__ = kept

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803
        """The socket is gone: wake its writers."""
        if self.write_buffer is not None:
            self.write_buffer.stopProducing()
        super().onClose(wasClean, code, reason)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: N802
        """Write what autobahn sends: the answer to the handshake and, once the socket is open, frames."""
        if self._writer is None:
            super().sendData(data, sync, chopsize)
        else:
            self._writer.write(data)

    def dropConnection(self, abort: bool = False) -> None:  # noqa: N802
        """End the connection after the frames that were sent."""
        if self._writer is not None:
            self._writer.flush()
        super().dropConnection(abort)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Send a message of the application; a close goes out with its code and reason."""
        text = message.get("text")
        if text and self._writer is not None:
            # Not autobahn's sendMessage, which formats a log line at each of three steps though its log is off.
            if self.state == self.STATE_OPEN:
                self._writer.write(text_frame(text.encode()))
            return
        if message.get("type") != "websocket.close" or self.state == self.STATE_CONNECTING:
            super().handle_reply(message)
            return
        reason = cut_reason(message.get("reason") or "")
        self.sendCloseFrame(code=message.get("code") or 1000, reasonUtf8=reason.encode(), isReply=False)


def protocol_with_options(factory: Any) -> type[WebSocketProtocol]:
    """WebSocketProtocol with the factory's options as attributes of the class.

    autobahn would otherwise copy its 29 options to each protocol, and format them all for a log that is off.
    """
    options = {name: getattr(factory, name) for name in WebSocketProtocol.CONFIG_ATTRS}
    # Static: a plain function in a class would become a method.
    options["perMessageCompressionAccept"] = staticmethod(options["perMessageCompressionAccept"])
    return type("WebSocketProtocol", (WebSocketProtocol,), {**options, "CONFIG_ATTRS": ()})
