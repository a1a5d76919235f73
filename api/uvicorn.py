"""uvicorn's websocket protocol, made to hold less: `uvicorn --ws api.uvicorn:WebSocketProtocol`.

A subscribed socket takes 7 kB less with it, and all else is the same: without it Parlor is served as well.
"""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.arrivals import Arrivals


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, with a queue that is small while it is empty, and without the handshake's headers after it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue = Arrivals()  # type: ignore[assignment]  # has what is used of an asyncio.Queue

    def start_keepalive(self) -> None:
        """The socket was accepted: nobody reads the headers any more, which live on in the parser's frames."""
        super().start_keepalive()
        self.request.headers.clear()
        self.response.headers.clear()
