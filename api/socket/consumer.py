"""The ASGI application of all websockets: moves frames between the server program and the state machine."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from api.socket.client_socket import SUBPROTOCOL, ClientSocket
from api.socket.credentials import Handshake
from api.socket.frame_writer import AsgiFrameWriter, Message, Send
from api.socket.interfaces import SocketDependencies

Receive = Callable[[], Awaitable[Message]]

# Whether a handshake with these headers may open a socket.
OriginCheck = Callable[[Iterable[tuple[bytes, bytes]]], bool]

# A client that sends a thousand frames in one packet must not keep the others waiting: after handling one client's
# frames for this many seconds, the consumer lets the loop go round once.
SLICE_SECONDS = 0.005

# How long a client may take to answer a close frame before its connection is cut.
CLOSE_SECONDS = 10.0


class GraphQLConsumer:
    """Serves every socket with one coroutine, from its handshake to its end.

    Not a consumer of Channels: that runs a task for every frame, whose `dispatch` hops to a thread to look after
    database connections that no frame holds, and it owns a channel, while feeds come through the process's hub.
    """

    def __init__(
        self, dependencies: Callable[[], SocketDependencies], is_origin_allowed: OriginCheck
    ) -> None:
        # A function, since the dependencies belong to the event loop, which does not run yet.
        self._dependencies = dependencies
        self._is_origin_allowed = is_origin_allowed

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one socket."""
        await receive()
        if not self._is_origin_allowed(scope["headers"]):
            # A close before the accept makes the server answer the handshake with an HTTP 403.
            await send({"type": "websocket.close"})
            return
        offered = scope.get("subprotocols", [])
        await send({"type": "websocket.accept", "subprotocol": _choose(offered)})
        close_timeout = _CloseTimeout()
        writer = AsgiFrameWriter(send, close_timeout.start)
        socket = ClientSocket(writer, self._dependencies(), _handshake(scope))
        # The server keeps the scope as long as the socket lives: 1 to 2 kB of headers that nobody reads again.
        scope["headers"] = []
        try:
            socket.on_accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
            await _read(receive, socket)
        except asyncio.CancelledError:
            if not close_timeout.expired:
                raise
        finally:
            close_timeout.cancel()
            socket.on_disconnect()


class _CloseTimeout:
    """Cancels the consumer of a socket that the server closed when its client never answers the close frame."""

    __slots__ = ("_task", "_timer", "expired")

    def __init__(self) -> None:
        self.expired = False
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """The close frame is on its way."""
        self._timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._expire)

    def cancel(self) -> None:
        """The consumer ends by itself."""
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        self.expired = True
        if self._task is not None:
            self._task.cancel()


def _choose(offered: list[str]) -> str | None:
    # A client that offers only other subprotocols is accepted with its own first one, then closed with 4406: a browser
    # shows its page no reason for a refused handshake, and itself refuses one in which no subprotocol is chosen.
    if SUBPROTOCOL in offered or not offered:
        return SUBPROTOCOL if offered else None
    return offered[0]


def _handshake(scope: dict[str, Any]) -> Handshake:
    client = scope.get("client")
    return Handshake.read(scope["headers"], scope.get("query_string", b""), client[0] if client else None)


async def _read(receive: Receive, socket: ClientSocket) -> None:
    loop = asyncio.get_running_loop()
    slice_ends = loop.time() + SLICE_SECONDS
    while (message := await receive())["type"] != "websocket.disconnect":
        text = message.get("text")
        if text is not None:
            socket.on_text(text)
        else:
            socket.on_binary(message.get("bytes") or b"")
        # Not kept until the next frame, which may be hours away.
        del message, text
        if loop.time() > slice_ends:
            await asyncio.sleep(0)
            slice_ends = loop.time() + SLICE_SECONDS
