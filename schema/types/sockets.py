"""The GraphQL type of a websocket, as its user sees it."""

from datetime import datetime

import strawberry

from schema.context import SocketHandle
from schema.host_process import SocketRow
from schema.ids import encode_text_id


@strawberry.type(description="A live websocket of the viewer.")
class Socket:
    """A live websocket."""

    id: strawberry.ID = strawberry.field(description="The id of the socket, for `closeSocket`.")
    opened_at: datetime = strawberry.field(description="When the socket was opened.")
    device: str | None = strawberry.field(
        description="The client's own description of itself (its User-Agent)."
    )
    expires_at: datetime = strawberry.field(
        description="When the socket's access token expires; `renewConnection` extends it."
    )
    is_current: bool = strawberry.field(description="Whether this operation runs on this socket.")


def show_socket(row: SocketRow, socket: SocketHandle | None) -> Socket:
    """Show a live socket of the user; `socket` is the one that the operation runs on, None over HTTP."""
    return Socket(
        id=strawberry.ID(encode_text_id("Socket", row.id)),
        opened_at=row.opened_at,
        device=row.device or None,
        expires_at=row.expires_at,
        is_current=socket is not None and socket.socket_id == row.id,
    )


def show_current_socket(socket: SocketHandle) -> Socket:
    """Show the socket that the operation runs on."""
    return Socket(
        id=strawberry.ID(encode_text_id("Socket", socket.socket_id)),
        opened_at=socket.opened_at,
        device=socket.device or None,
        expires_at=socket.identity.expires_at,
        is_current=True,
    )
