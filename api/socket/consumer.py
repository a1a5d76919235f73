"""The websocket endpoint: moves frames between the server and the state machine, and decides nothing itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from api.socket.client_socket import SUBPROTOCOL, ClientSocket
from api.socket.credentials import Handshake
from api.socket.frame_writer import AsgiFrameWriter, Message, Send
from api.socket.interfaces import SocketDependencies
from api.socket.origins import origin_allowed

Receive = Callable[[], Awaitable[Message]]

# A client that sends a thousand frames in one packet must not keep the others waiting: after this many seconds of its
# frames the loop goes round once.
SLICE_SECONDS = 0.005

# What a client has to answer a close frame, before its connection is ended without.
CLOSE_SECONDS = 10.0


class GraphQLConsumer:
    """The ASGI application of all sockets: one coroutine for each, from its handshake to its end.

    No consumer of Channels: that has a task for every frame, whose `dispatch` hops to a thread to look after database
    connections that no frame holds, and a channel of its own, while feeds come through the process's hub.
    """

    def __init__(self, dependencies: Callable[[], SocketDependencies]) -> None:
        # A function, since the dependencies belong to the event loop, and there is none yet.
        self._dependencies = dependencies

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one socket from its handshake to its end."""
        await receive()
        if not origin_allowed(scope["headers"]):
            # Before it is accepted, a close is an HTTP 403.
            await send({"type": "websocket.close"})
            return
        offered = scope.get("subprotocols", [])
        await send({"type": "websocket.accept", "subprotocol": _choose(offered)})
        end = _End()
        socket = ClientSocket(AsgiFrameWriter(send, end.begin), self._dependencies(), _handshake(scope))
        # The server keeps the scope as long as the socket lives: 1 to 2 kB of headers that nobody reads again.
        scope["headers"] = []
        try:
            socket.opened(SUBPROTOCOL if SUBPROTOCOL in offered else None)
            await _read(receive, socket)
        except asyncio.CancelledError:
            if not end.overdue:
                raise
        finally:
            end.stop()
            socket.closed()


class _End:
    """Ends the consumer of a socket that was closed from here, when its client is too stuck to hear of it."""

    __slots__ = ("_task", "_timer", "overdue")

    def __init__(self) -> None:
        self.overdue = False
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """The close frame is on its way."""
        self._timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._cancel)

    def stop(self) -> None:
        """The consumer ends by itself."""
        if self._timer is not None:
            self._timer.cancel()

    def _cancel(self) -> None:
        self.overdue = True
        if self._task is not None:
            self._task.cancel()


def _choose(offered: list[str]) -> str | None:
    # A client that offers only other subprotocols is accepted with its own first one, then closed 4406: a browser shows
    # its page no reason for a refused handshake, and refuses itself when none of its subprotocols is chosen.
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
            socket.text(text)
        else:
            socket.binary(message.get("bytes") or b"")
        # Not kept until the next frame, which may be hours away.
        del message, text
        if loop.time() > slice_ends:
            await asyncio.sleep(0)
            slice_ends = loop.time() + SLICE_SECONDS
