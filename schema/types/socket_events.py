"""The events of connectionFeed, as GraphQL types."""

from datetime import datetime
from typing import Annotated

import strawberry

from schema.socket_notices import NoticeReason
from schema.types.enums import expose
from schema.types.sockets import Socket

expose(
    NoticeReason,
    "Why the socket will be closed.",
    name="ConnectionNoticeReason",
    RESTARTING="The server restarts; connect again.",
    SUPERSEDED="Another socket of the viewer took its place; do not come back by yourself.",
    SIGNED_OUT="The session has ended, its token has, or the viewer closed the socket.",
    SLOW_CONSUMER="The client did not take what it had asked for in time; connect again.",
)


@strawberry.type(description="The first event: the socket as others of the viewer's see it.")
class ConnectionReady:
    """The first event of every connection feed."""

    socket: Socket = strawberry.field(description="This socket.")


@strawberry.type(description="The socket's token ends soon: renewConnection, or be closed with 4403.")
class TokenExpiring:
    """The token has to be renewed."""

    expires_at: datetime = strawberry.field(description="When it ends.")


@strawberry.type(description="The socket is about to be closed.")
class ConnectionNotice:
    """The socket is about to be closed."""

    reason: NoticeReason = strawberry.field(description="Why.")
    reconnect_after_ms: int | None = strawberry.field(
        description="When to connect again, in milliseconds; null: at once if the reason allows it."
    )


ConnectionFeedEvent = Annotated[
    ConnectionReady | TokenExpiring | ConnectionNotice,
    strawberry.union("ConnectionFeedEvent", description="What the feed of a socket carries."),
]
