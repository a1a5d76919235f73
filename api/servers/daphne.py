"""Daphne's server with seven faults fixed by subclassing.

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
- It may miss SIGINT: while it starts, and as a shell's background job. Here every SIGINT and SIGTERM ends it.

It also works under `daphne.cli` and `runserver`, through their `server_class` and `server_cls`.
"""

import asyncio
import logging
import math
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType
from typing import Any

from daphne.server import Server as StockServer
from daphne.server import reactor  # not from twisted: it must be the one that daphne installs
from twisted.internet.defer import Deferred

from api.servers.daphne_protocols import WebRequest, WriteBufferState, protocol_with_options
from api.servers.receive_queue import ReceiveQueue

# How long running requests, and sockets whose close frame is sent, may take to end before they are cut off.
GRACE_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Server(StockServer):  # type: ignore[misc]  # daphne has no types
    """Daphne's server with the protocols of `daphne_protocols`. It awaits `drain` before it stops."""

    signal_handlers: bool  # set by Daphne

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
        self._is_stopping = False

    def _ready(self) -> None:
        """Called after the factories are made and before the first connection."""
        self.http_factory.buildProtocol = partial(_build_http, self.http_factory.buildProtocol)
        # allowNullOrigin, since this call would otherwise forbid the origin "null"; the consumer checks origins.
        self.ws_factory.setProtocolOptions(failByDrop=False, allowNullOrigin=True)
        self.ws_factory.protocol = protocol_with_options(self.ws_factory)
        if self._ready_callable is not None:
            self._ready_callable()

    def run(self) -> None:
        """Serve until `stop` or, unless `signal_handlers` is false, until SIGINT or SIGTERM. On the main thread.

        The handlers stay installed, so that further signals interrupt neither the drain nor the shutdown after it.
        """
        if self.signal_handlers:
            # Not Twisted's handlers: they leave an ignored SIGINT ignored (as in a shell's background jobs), and take
            # effect only once the reactor has started, which would swallow a KeyboardInterrupt.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._stop_at_signal)
            self.signal_handlers = False
        super().run()

    def stop(self) -> None:
        """Drain and end. Further calls change nothing."""
        if self._is_stopping:
            return
        self._is_stopping = True
        super().stop()
        if self.abort_start:  # the reactor does not run yet, but `run` may have checked this already
            reactor.callWhenRunning(reactor.stop)

    def _stop_at_signal(self, _number: int, _frame: FrameType | None) -> None:
        reactor.callFromThread(self.stop)  # takes effect once the loop runs

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
        try:
            for port in self._listening_ports:
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
        """Hand a frame to the protocol once its transport has room; a close goes out at once."""
        buffer: WriteBufferState | None = getattr(protocol, "write_buffer", None)
        if buffer is None or message["type"] != "websocket.send":
            await super().handle_reply(protocol, message)
            return
        if buffer.is_full:
            await buffer.wait()
        # Skips the steps of stock Daphne that are for HTTP or that look up whether the socket is still open: it knows.
        protocol.handle_reply(message)


def _build_http(build: Callable[[Any], Any], address: Any) -> Any:
    channel = build(address)
    channel.requestFactory = WebRequest
    return channel
