"""chatFeed: the feed of one chat."""

from collections.abc import AsyncGenerator
from typing import Annotated, cast

import strawberry

from foundation.errors import ErrorCode, ParlorError
from schema.context import Info
from schema.ids import decode_id
from schema.subscriptions.source import ChatFeedSource
from schema.types.events import ChatFeedEvent

Since = Annotated[
    int | None,
    strawberry.argument(
        description="The seq of the last event that the client has. Null means live from now on."
    ),
]


@strawberry.type
class ChatSubscriptions:
    """Subscriptions about chats."""

    @strawberry.subscription(
        description="The feed of one chat. The first event is always FeedReady. With `since`, every durable event "
        "after that seq follows in order, first from the log, then live, without a gap; without `since`, the feed is "
        "live from now on. It ends with `complete` when the viewer is no longer a member."
    )
    async def chat_feed(
        self,
        info: Info,
        chat_id: Annotated[strawberry.ID, strawberry.argument(description="The chat to follow.")],
        since: Since = None,
    ) -> AsyncGenerator[ChatFeedEvent, None]:
        viewer_id = info.context.viewer_id
        if since is not None and since < 0:
            raise ParlorError(ErrorCode.BAD_INPUT, "'since' cannot be negative.", field="since")
        source = ChatFeedSource(chat_id=decode_id("Chat", chat_id), viewer_id=viewer_id, since=since)
        return cast(AsyncGenerator[ChatFeedEvent, None], source)
