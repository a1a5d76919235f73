"""Daphne as Parlor serves with it: stock Daphne, and six things put right by subclassing.

- It drops the reason of a close, and raises for the registered codes beside 1000 (autobahn's `sendClose` is made for
  applications); here both arrive.
- It drops the TCP connection of a client that sends too large a message or bad UTF-8, so that the client sees 1006;
  here it is closed with 1009 or 1007.
- Its `send` never waits, so that a client that reads nothing fills the server's memory; here it waits while the
  transport is full, as ASGI means it to.
- It takes a trip through the selector for each frame, and holds 30 kB for each socket; here `turn_writes` joins what a
  turn of the loop writes, and a socket forgets its handshake.
- It keeps a body of any size before the application hears of it, and waits for one that never ends; here no more of one
  is kept than the application takes, and it has BODY_TIMEOUT_SECONDS.
- It cuts all connections when it stops; here it stops listening, has the application `drain`, and gives what still
  runs a moment to end.

It works under `daphne.cli` and `runserver` too, through their `server_class` and `server_cls`.
"""

import asyncio
import logging
import math
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType
from typing import Any

from daphne.http_protocol import WebRequest as StockRequest
from daphne.server import Server as StockServer
from daphne.server import reactor  # not from twisted: it must be the one that daphne installs
from daphne.ws_protocol import WebSocketProtocol as StockProtocol
from django.conf import settings
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from api.servers.receive_queue import Arrivals
from api.servers.turn_writes import TurnWriter, text_frame
from api.socket.close_codes import cut_reason

# What requests that run, and clients that were sent a close frame, have to end before they are cut off.
GRACE_SECONDS = 1.0

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

logger = logging.getLogger(__name__)


# What autobahn and daphne keep of the handshake: 2 kB a socket that nobody reads once it is open.
_OF_THE_HANDSHAKE = frozenset(
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
class _Writable:
    """Told by Twisted's transport when its buffer is full, and when it is empty again."""

    __slots__ = ("_emptied",)

    def __init__(self) -> None:
        # While it is full. An asyncio.Event would have a deque for those who wait, 0.8 kB for each socket.
        self._emptied: asyncio.Future[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether who writes should wait."""
        return self._emptied is not None

    async def wait(self) -> None:
        """Until the buffer is empty or the connection lost."""
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
        """The connection is lost: nobody need wait for it."""
        self.resumeProducing()


class WebRequest(StockRequest):  # type: ignore[misc]
    """Daphne's request, whose body is bounded while it comes, before the application hears of it.

    Only as much is kept as shows that it is larger than MAX_BODY_BYTES, and it has BODY_TIMEOUT_SECONDS to arrive.
    """

    _deadline: asyncio.TimerHandle | None = None

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """The head has come; the body, of so many bytes or of chunks, follows."""
        super().gotLength(length)
        if length != 0:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(settings.BODY_TIMEOUT_SECONDS, self._cut_off)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """A piece of the body came."""
        super().handleContentChunk(data[: max(0, settings.MAX_BODY_BYTES + 1 - self.content.tell())])

    def process(self) -> None:
        """The whole of the body has come."""
        self._forget_deadline()
        super().process()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """The client is gone."""
        self._forget_deadline()
        super().connectionLost(reason)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut_off(self) -> None:
        self._deadline = None
        self.channel.transport.write(TOO_SLOW)
        self.channel.loseConnection()


class WebSocketProtocol(StockProtocol):  # type: ignore[misc]  # daphne has no types
    """Daphne's protocol, with close reasons and with a transport that says when it is full."""

    writable: _Writable | None = None
    _out: TurnWriter | None = None

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        """The handshake is done: from now on hear of the transport's buffer."""
        self.writable = _Writable()
        # The HTTP channel that the handshake came on is still registered, and would stop reading while the buffer is
        # full: with it the pongs that tell how far the client has read.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.writable, True)
        self._out = TurnWriter(self.transport)
        super().onOpen()
        self.request.headers.clear()
        # In a new dict, since one never shrinks.
        kept = {name: value for name, value in vars(self).items() if name not in _OF_THE_HANDSHAKE}
        self.__dict__ = kept

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803
        """The socket is gone: wake who waits for it."""
        if self.writable is not None:
            self.writable.stopProducing()
        super().onClose(wasClean, code, reason)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: N802
        """Write what autobahn sends: frames once the socket is open, before that the answer to the handshake."""
        if self._out is None:
            super().sendData(data, sync, chopsize)
        else:
            self._out.write(data)

    def dropConnection(self, abort: bool = False) -> None:  # noqa: N802
        """End the connection after what was sent."""
        if self._out is not None:
            self._out.flush()
        super().dropConnection(abort)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Send what the application sends; a close with its reason, and with any code."""
        text = message.get("text")
        if text and self._out is not None:
            # autobahn's sendMessage makes a line for its log, which is off, at each of three steps.
            if self.state == self.STATE_OPEN:
                self._out.write(text_frame(text.encode()))
            return
        if message.get("type") != "websocket.close" or self.state == self.STATE_CONNECTING:
            super().handle_reply(message)
            return
        reason = cut_reason(message.get("reason") or "")
        self.sendCloseFrame(code=message.get("code") or 1000, reasonUtf8=reason.encode(), isReply=False)


class Server(StockServer):  # type: ignore[misc]  # daphne has no types
    """Daphne's server with the protocol above. `drain` is awaited before it stops; it ends what it can."""

    signal_handlers: bool

    def __init__(
        self,
        *args: Any,
        ready_callable: Callable[[], None] | None = None,
        drain: Callable[[], Awaitable[None]] | None = None,
        **options: Any,
    ) -> None:
        # No day's end for a socket that lives on (stock: 24 hours); liveness is the state machine's.
        options.setdefault("websocket_timeout", -1)
        # So are pings. Those of stock Daphne drop who stands still after 50 s, whatever SLOW_CONSUMER_SECONDS says.
        options.setdefault("ping_interval", math.inf)
        options.setdefault("ping_timeout", 0)
        super().__init__(*args, ready_callable=self._ready, **options)
        self._then = ready_callable
        self._drain = drain
        self._ports: list[Any] = []
        self._is_stopping = False

    def _ready(self) -> None:
        """Called between the making of the factory and the first connection."""
        self.http_factory.buildProtocol = partial(_build_http, self.http_factory.buildProtocol)
        # This call would forbid the null origin unless told otherwise, and origins are the consumer's affair.
        self.ws_factory.setProtocolOptions(failByDrop=False, allowNullOrigin=True)
        self.ws_factory.protocol = _with_options_of(self.ws_factory)
        if self._then is not None:
            self._then()

    def run(self) -> None:
        """Serve until `stop`, or until SIGINT or SIGTERM unless `signal_handlers` is false. On the main thread.

        The handlers stay in place, so that further signals cut neither the drain nor the way out after it short.
        """
        if self.signal_handlers:
            # Not Twisted's: they leave SIGINT ignored where it was (a shell has it ignored by what it starts in the
            # background), and take effect only once the reactor has started, which would swallow a KeyboardInterrupt.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._stop_at_signal)
            self.signal_handlers = False
        super().run()

    def stop(self) -> None:
        """Drain and end. Called again meanwhile, it changes nothing."""
        if self._is_stopping:
            return
        self._is_stopping = True
        super().stop()
        if self.abort_start:  # the reactor does not run, but `run` may have looked at this already
            reactor.callWhenRunning(reactor.stop)

    def _stop_at_signal(self, _number: int, _frame: FrameType | None) -> None:
        reactor.callFromThread(self.stop)  # waits for the loop where it does not run yet

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Run the application for a request or a socket; returns what to put its messages into."""
        if scope["type"] != "websocket":
            return super().create_application(protocol, scope)
        arrivals = Arrivals()
        scope["asgi"] = {"version": "3.0"}
        application = self.application(scope, arrivals.get, partial(self.handle_reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return arrivals

    def listen_success(self, port: Any) -> None:
        """Remember a port, for its end."""
        self._ports.append(port)
        super().listen_success(port)

    def kill_all_applications(self) -> Deferred[None]:
        """Called before the reactor stops, which waits for the answer. Stock cancels all applications."""
        return Deferred.fromFuture(asyncio.ensure_future(self._leave()))

    async def _leave(self) -> None:
        try:
            for port in self._ports:
                port.stopListening()
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
        """Hand a frame to the protocol once its transport has room; a close goes at once."""
        writable: _Writable | None = getattr(protocol, "writable", None)
        if writable is None or message["type"] != "websocket.send":
            await super().handle_reply(protocol, message)
            return
        if writable.is_full:
            await writable.wait()
        # What stock does before this is for HTTP, or looks up whether the socket is open still, which it knows itself.
        protocol.handle_reply(message)


def _with_options_of(factory: Any) -> type[WebSocketProtocol]:
    """Our protocol, with the factory's options as attributes of the class.

    autobahn would copy its 29 options to each protocol that has them not, and format them all for a log that is off.
    """
    options = {name: getattr(factory, name) for name in WebSocketProtocol.CONFIG_ATTRS}
    # As a function of the class it would be a method.
    options["perMessageCompressionAccept"] = staticmethod(options["perMessageCompressionAccept"])
    return type("WebSocketProtocol", (WebSocketProtocol,), {**options, "CONFIG_ATTRS": ()})


def _build_http(build: Callable[[Any], Any], address: Any) -> Any:
    channel = build(address)
    channel.requestFactory = WebRequest
    return channel
