"""Daphne's server with six faults fixed by subclassing.

- Stock Daphne drops the reason of a close, and raises for the registered codes other than 1000 (autobahn's `sendClose`
  is made for applications). Here code and reason arrive.
- It drops the TCP connection of a client that sends too large a message or bad UTF-8, so that the client sees 1006.
  Here the client gets 1009 or 1007.
- Its `send` never waits, so a client that reads nothing fills the server's memory. Here `send` waits while the
  transport is full, as ASGI intends.
- It goes through the selector for each frame, and holds 30 kB for each socket. Here `turn_writes` joins the writes of
  a turn of the loop, and a socket forgets its handshake.
- It stores a body of any size before it calls the application, and waits for one that never ends. Here it stores no
  more than MAX_BODY_BYTES needs, for at most BODY_TIMEOUT_SECONDS.
- It cuts all connections when it stops. Here it stops listening, awaits `drain`, and gives running applications a
  moment to end.

It also works under `daphne.cli` and `runserver`, through their `server_class` and `server_cls`.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from daphne.http_protocol import WebRequest as StockRequest
from daphne.server import Server as StockServer
from daphne.ws_protocol import WebSocketProtocol as StockProtocol
from django.conf import settings
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from api.servers.receive_queue import ReceiveQueue
from api.servers.turn_writes import TurnWriter, text_frame
from api.socket.close_codes import cut_reason

# How long running requests, and sockets whose close frame is sent, may take to end before they are cut off.
GRACE_SECONDS = 1.0

REQUEST_TIMEOUT_RESPONSE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

logger = logging.getLogger(__name__)


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
class _WriteBufferState:
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

    write_buffer: _WriteBufferState | None = None
    _writer: TurnWriter | None = None

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        """The handshake is done: watch the transport's buffer, join the writes and forget the handshake."""
        self.write_buffer = _WriteBufferState()
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


class Server(StockServer):  # type: ignore[misc]  # daphne has no types
    """Daphne's server with the protocol above. It awaits `drain` before it stops."""

    def __init__(
        self,
        *args: Any,
        ready_callable: Callable[[], None] | None = None,
        drain: Callable[[], Awaitable[None]] | None = None,
        **options: Any,
    ) -> None:
        # No maximum age for sockets (stock: 24 hours): the state machine finds dead ones.
        options.setdefault("websocket_timeout", -1)
        # No pings either: the state machine sends them. Those of stock Daphne drop a stalled client after 50 s,
        # whatever SLOW_CONSUMER_SECONDS says.
        options.setdefault("ping_interval", math.inf)
        options.setdefault("ping_timeout", 0)
        super().__init__(*args, ready_callable=self._ready, **options)
        self._ready_callable = ready_callable
        self._drain = drain
        self._listening_ports: list[Any] = []

    def _ready(self) -> None:
        """Called after the factories are made and before the first connection."""
        self.http_factory.buildProtocol = partial(_build_http, self.http_factory.buildProtocol)
        # allowNullOrigin, since this call would otherwise forbid the origin "null"; the consumer checks origins.
        self.ws_factory.setProtocolOptions(failByDrop=False, allowNullOrigin=True)
        self.ws_factory.protocol = _protocol_with_options(self.ws_factory)
        if self._ready_callable is not None:
            self._ready_callable()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Run the application for a request or a socket; returns the queue for its messages."""
        if scope["type"] != "websocket":
            return super().create_application(protocol, scope)
        queue = ReceiveQueue()
        scope["asgi"] = {"version": "3.0"}
        application = self.application(scope, queue.get, partial(self.handle_reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return queue

    def listen_success(self, port: Any) -> None:
        """Remember a port, to stop listening on it later."""
        self._listening_ports.append(port)
        super().listen_success(port)

    def kill_all_applications(self) -> Deferred[None]:
        """Called before the reactor stops, which waits for the result. Stock Daphne cancels all applications."""
        return Deferred.fromFuture(asyncio.ensure_future(self._drain_and_end()))

    async def _drain_and_end(self) -> None:
        for port in self._listening_ports:
            port.stopListening()
        try:
            if self._drain is not None:
                await self._drain()
        except Exception:
            logger.exception("The drain failed")
        await self._end_applications()

    async def _end_applications(self) -> None:
        running = self._running()
        if running:
            await asyncio.wait(running, timeout=GRACE_SECONDS)
        running = self._running()
        for application in running:
            application.cancel()
        if running:
            await asyncio.wait(running, timeout=GRACE_SECONDS)

    def _running(self) -> list["asyncio.Future[None]"]:
        applications = [details.get("application_instance") for details in self.connections.values()]
        return [one for one in applications if one is not None and not one.done()]

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Hand a frame to the protocol once its transport has room; a close goes out at once."""
        buffer: _WriteBufferState | None = getattr(protocol, "write_buffer", None)
        if buffer is None or message["type"] != "websocket.send":
            await super().handle_reply(protocol, message)
            return
        if buffer.is_full:
            await buffer.wait()
        # Skips the steps of stock Daphne that are for HTTP or that look up whether the socket is still open: it knows.
        protocol.handle_reply(message)


def _protocol_with_options(factory: Any) -> type[WebSocketProtocol]:
    """WebSocketProtocol with the factory's options as attributes of the class.

    autobahn would otherwise copy its 29 options to each protocol, and format them all for a log that is off.
    """
    options = {name: getattr(factory, name) for name in WebSocketProtocol.CONFIG_ATTRS}
    # Static: a plain function in a class would become a method.
    options["perMessageCompressionAccept"] = staticmethod(options["perMessageCompressionAccept"])
    return type("WebSocketProtocol", (WebSocketProtocol,), {**options, "CONFIG_ATTRS": ()})


def _build_http(build: Callable[[Any], Any], address: Any) -> Any:
    channel = build(address)
    channel.requestFactory = WebRequest
    return channel
