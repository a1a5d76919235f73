"""uvicorn's websocket protocol, made to hold less: `uvicorn --ws api.servers.uvicorn:WebSocketProtocol`.

A subscribed socket takes 7 kB less with it, and the connection of a client that does not read even its end is cut.
All else is the same.
"""

from asyncio import TimerHandle
from collections.abc import Coroutine
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.servers.receive_queue import Arrivals


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, with a queue that is small while it is empty, and without the handshake's headers after it.

    uvicorn closes a transport once its buffer is empty, which that of a client that reads nothing never is.
    """

    _cutting: TimerHandle | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue = Arrivals()  # type: ignore[assignment]  # has what is used of an asyncio.Queue

    def start_keepalive(self) -> None:
        """The socket was accepted: nobody reads the headers any more, which live on in the parser's frames."""
        super().start_keepalive()
        self.request.headers.clear()
        self.response.headers.clear()

    # Not a coroutine of its own: there is one for each frame.
    def send(self, message: Any) -> Coroutine[Any, Any, None]:
        """Send a frame, or close; who has not taken the close `close_timeout` seconds later is cut off."""
        if message["type"] == "websocket.close" and self._cutting is None:
            self._cutting = self.loop.call_later(self.close_timeout + 1, self.transport.abort)
        return super().send(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: there is nothing to cut."""
        if self._cutting is not None:
            self._cutting.cancel()
        super().connection_lost(exc)
