"""The viewer's sockets."""

from datetime import datetime

import strawberry

from schema.context import SocketHandle
from schema.host_process import SocketRow
from schema.ids import encode_text_id


@strawberry.type(description="A live websocket of the viewer's.")
class Socket:
    """A socket."""

    id: strawberry.ID = strawberry.field(description="For closeSocket.")
    opened_at: datetime = strawberry.field(description="When it was opened.")
    device: str | None = strawberry.field(description="What the client said it is.")
    expires_at: datetime = strawberry.field(description="When its token ends; renewConnection moves it.")
    is_current: bool = strawberry.field(description="Whether this operation runs on it.")


def show_socket(row: SocketRow, socket: SocketHandle | None) -> Socket:
    """A row of the registry; `socket` is the socket that the operation runs on, if it does."""
    return Socket(
        id=strawberry.ID(encode_text_id("Socket", row.id)),
        opened_at=row.opened_at,
        device=row.device or None,
        expires_at=row.expires_at,
        is_current=socket is not None and socket.socket_id == row.id,
    )


def show_current_socket(socket: SocketHandle) -> Socket:
    """The socket that the operation runs on."""
    return Socket(
        id=strawberry.ID(encode_text_id("Socket", socket.socket_id)),
        opened_at=socket.opened_at,
        device=socket.device or None,
        expires_at=socket.identity.expires_at,
        is_current=True,
    )
