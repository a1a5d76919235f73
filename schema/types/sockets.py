"""The viewer's sockets."""

from datetime import datetime

import strawberry

from schema.context import ConnectionHandle
from schema.ids import encode_text_id
from schema.ports import SocketRow


@strawberry.type(description="A live websocket of the viewer's.")
class Socket:
    """A socket."""

    id: strawberry.ID = strawberry.field(description="For closeSocket.")
    opened_at: datetime = strawberry.field(description="When it was opened.")
    device: str | None = strawberry.field(description="What the client said it is.")
    expires_at: datetime = strawberry.field(description="When its token ends; renewConnection moves it.")
    is_current: bool = strawberry.field(description="Whether this operation runs on it.")


def show_socket(row: SocketRow, connection: ConnectionHandle | None) -> Socket:
    """A row of the registry; `connection` is the socket that the operation runs on, if it does."""
    return Socket(
        id=strawberry.ID(encode_text_id("Socket", row.id)),
        opened_at=row.opened_at,
        device=row.device or None,
        expires_at=row.expires_at,
        is_current=connection is not None and connection.socket_id == row.id,
    )


def show_connection(connection: ConnectionHandle) -> Socket:
    """The socket that the operation runs on."""
    return Socket(
        id=strawberry.ID(encode_text_id("Socket", connection.socket_id)),
        opened_at=connection.opened_at,
        device=connection.device or None,
        expires_at=connection.identity.expires_at,
        is_current=True,
    )
