"""connectionFeed: the feed of the socket itself."""

from collections.abc import AsyncGenerator
from typing import cast

import strawberry

from foundation.errors import ErrorCode, ParlorError
from schema.context import Info
from schema.subscriptions.source import SocketFeedSource
from schema.types.socket_events import ConnectionFeedEvent


@strawberry.type
class ConnectionSubscriptions:
    """Subscriptions about the socket."""

    @strawberry.subscription(
        description="The socket's own feed: token expiry, restart, superseding. The first event is ConnectionReady."
    )
    async def connection_feed(self, info: Info) -> AsyncGenerator[ConnectionFeedEvent, None]:
        info.context.require_identity()
        socket = info.context.socket
        if socket is None:
            raise ParlorError(
                ErrorCode.BAD_INPUT, "This feed is about a websocket: subscribe to it over one."
            )
        return cast(AsyncGenerator[ConnectionFeedEvent, None], SocketFeedSource(socket))
