"""inboxFeed: the feed of all the viewer's chats."""

from collections.abc import AsyncGenerator
from typing import Annotated, cast

import strawberry
from django.conf import settings

from foundation.errors import ErrorCode, ParlorError
from schema.context import Info
from schema.ids import decode_id
from schema.subscriptions.source import InboxSource
from schema.types.inbox import ChatCursorInput, InboxFeedEvent

Since = Annotated[
    list[ChatCursorInput] | None,
    strawberry.argument(
        description="The position of the client in each chat. Chats that are not listed are live from now on."
    ),
]


@strawberry.type
class InboxSubscriptions:
    """Subscriptions about all chats."""

    @strawberry.subscription(
        description="The feed of all the viewer's chats in one operation. Chats that the viewer joins or leaves are "
        "added and removed automatically. The first event is always InboxReady."
    )
    async def inbox_feed(self, info: Info, since: Since = None) -> AsyncGenerator[InboxFeedEvent, None]:
        viewer_id = info.context.viewer_id
        cursors = since or []
        limit = settings.MAX_INBOX_CURSORS
        if len(cursors) > limit:
            raise ParlorError(
                ErrorCode.TOO_LARGE, f"{limit} cursors at most.", field="since", maxInboxCursors=limit
            )
        if any(cursor.seq < 0 for cursor in cursors):
            raise ParlorError(ErrorCode.BAD_INPUT, "A seq cannot be negative.", field="since")
        source = InboxSource(viewer_id, {decode_id("Chat", cursor.chat_id): cursor.seq for cursor in cursors})
        return cast(AsyncGenerator[InboxFeedEvent, None], source)
