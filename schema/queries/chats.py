"""The queries of the viewer's chats."""

from typing import Annotated, cast

import strawberry

from chats import reads
from chats.keyset_pagination import page_by_activity
from foundation.database import in_thread
from schema.context import Info
from schema.ids import decode_id, not_found
from schema.relay_pagination import connection, decode_activity, encode_activity, page_size
from schema.types.chats import After, Chat, ChatConnection, FirstFifty

ChatId = Annotated[strawberry.ID, strawberry.argument(description="The id of the chat.")]
Archived = Annotated[
    bool | None,
    strawberry.argument(
        description="Whether to return the chats that the viewer archived instead of the others."
    ),
]
Search = Annotated[
    str | None,
    strawberry.argument(
        description="Return only chats whose title, or the name of another member, contains this text."
    ),
]


@strawberry.type
class ChatQueries:
    """Queries about chats."""

    @strawberry.field(description="One of the viewer's chats. Fails with NOT_FOUND for any other id.")
    async def chat(self, info: Info, id: ChatId) -> Chat | None:  # noqa: A002 - the contract's name
        viewer_id = info.context.viewer_id
        rows = reads.member_chats(viewer_id).filter(pk=decode_id("Chat", id))
        chat = await in_thread(rows.first)
        if chat is None:
            raise not_found("Chat")
        return cast(Chat, chat)

    @strawberry.field(description="The viewer's chats, the one with the newest message first.")
    async def chats(
        self,
        info: Info,
        first: FirstFifty = 50,
        after: After = None,
        archived: Archived = False,
        search: Search = None,
    ) -> ChatConnection:
        viewer_id = info.context.viewer_id
        size = page_size("first", first)
        edge = None if after is None else decode_activity("after", after)
        rows = reads.chats_of(viewer_id, archived=bool(archived), search=search)
        page = await in_thread(page_by_activity, rows, size, edge)
        return connection(ChatConnection, page, encode_activity)
