"""The events of connectionFeed, as GraphQL types."""

from datetime import datetime
from typing import Annotated

import strawberry

from schema.socket_notices import NoticeReason
from schema.types.enums import expose
from schema.types.sockets import Socket

expose(
    NoticeReason,
    "Why the server is about to close the socket.",
    name="ConnectionNoticeReason",
    RESTARTING="The server restarts; connect again.",
    SUPERSEDED="A newer socket of the viewer replaced this one; do not reconnect automatically.",
    SIGNED_OUT="The session ended, the access token expired, or the viewer closed the socket.",
    SLOW_CONSUMER="The client did not read what it asked for in time; connect again.",
)


@strawberry.type(
    description="The first event of the feed: this socket, as the viewer's other sockets see it."
)
class ConnectionReady:
    """The first event of every connection feed."""

    socket: Socket = strawberry.field(description="This socket.")


@strawberry.type(
    description="The socket's access token expires soon: send `renewConnection`, or the socket is closed with 4403."
)
class TokenExpiring:
    """The token has to be renewed."""

    expires_at: datetime = strawberry.field(description="When the access token expires.")


@strawberry.type(description="The server is about to close the socket.")
class ConnectionNotice:
    """The server is about to close the socket."""

    reason: NoticeReason = strawberry.field(description="Why the socket is closed.")
    reconnect_after_ms: int | None = strawberry.field(
        description="After how many milliseconds to connect again; null means at once, if the reason allows it."
    )


ConnectionFeedEvent = Annotated[
    ConnectionReady | TokenExpiring | ConnectionNotice,
    strawberry.union("ConnectionFeedEvent", description="An event of the feed of a socket."),
]
