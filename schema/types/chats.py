"""The GraphQL types of chats and their members."""

from datetime import datetime
from typing import Annotated, cast

import strawberry
import strawberry_django
from strawberry import relay

from chats import models
from chats.keyset_pagination import PageKey, Window
from chats.models import ChatKind, MemberRole
from schema.context import Info
from schema.ids import not_found
from schema.relay_pagination import connection, encode_cursor, window
from schema.types.messages import Message, MessageConnection
from schema.types.scope import SHAREABLE
from schema.types.users import User

After = Annotated[str | None, strawberry.argument(description="Return rows after this cursor.")]
Before = Annotated[str | None, strawberry.argument(description="Return rows before this cursor.")]
First = Annotated[
    int | None, strawberry.argument(description="How many rows from the start; at most `maxPageSize`.")
]
Last = Annotated[
    int | None, strawberry.argument(description="How many rows from the end; at most `maxPageSize`.")
]
FirstFifty = Annotated[int | None, strawberry.argument(description="How many rows; at most `maxPageSize`.")]
AroundSeq = Annotated[
    int | None,
    strawberry.argument(description="A page around this seq: half of its rows before it, half from it on."),
]


@strawberry_django.type(
    models.Membership, description="A person's membership in a chat, as every member sees it."
)
class Membership:
    """A membership."""

    role: MemberRole = strawberry_django.field(description="What they may do in this chat.")
    joined_at: datetime = strawberry_django.field(description="When they joined.")
    last_read_seq: int = strawberry_django.field(description="They have read everything up to this seq.")
    last_delivered_seq: int = strawberry_django.field(
        description="One of their devices has received everything up to this seq."
    )

    @strawberry_django.field(description="The member.", metadata=SHAREABLE)
    async def user(self, info: Info) -> User:
        row = cast(models.Membership, self)
        if models.Membership.user.is_cached(row):
            return cast(User, row.user)
        user = await info.context.loaders.users.load(row.user_id)
        if user is None:
            raise not_found("User")
        return cast(User, user)


@strawberry.type(description="A page of members, in the order in which they joined.")
class MembershipConnection(relay.Connection[Membership]):  # type: ignore[type-var]  # works for types that are no Node
    """A page of members (Relay)."""


@strawberry_django.type(
    models.Membership, description="The viewer's own membership, with what is private to them."
)
class ViewerMembership:
    """The viewer in a chat."""

    role: MemberRole = strawberry_django.field(description="What the viewer may do in this chat.")
    last_read_seq: int = strawberry_django.field(description="The viewer has read everything up to this seq.")
    muted_until: datetime | None = strawberry_django.field(
        description="No notifications before then; null if the chat is not muted."
    )
    is_pinned: bool = strawberry_django.field(
        description="Whether the chat is pinned to the top of the viewer's list."
    )
    is_archived: bool = strawberry_django.field(
        description="Whether the chat is hidden from the viewer's list."
    )

    @strawberry_django.field(
        description="How many messages of others, deleted ones aside, the viewer has not read; MAX_UNREAD_COUNT means "
        "that many or more.",
    )
    async def unread_count(self, info: Info) -> int:
        row = cast(models.Membership, self)
        return await info.context.loaders.unread_counts.load(row.chat_id) or 0


@strawberry_django.type(models.Chat, description="A chat between two people or in a group.")
class Chat(relay.Node):
    """A chat."""

    id: relay.NodeID[int]
    kind: ChatKind = strawberry_django.field(description="Whether it is a direct chat or a group.")
    title: str | None = strawberry_django.field(
        description="The group's title; null in a direct chat, which clients name after the other member."
    )
    avatar_url: str | None = strawberry_django.field(description="The address of its picture, if it has one.")
    created_at: datetime = strawberry_django.field(description="When it was created.")
    last_seq: int = strawberry_django.field(
        description="The seq of its newest event: the value for `since` of a feed."
    )

    @strawberry_django.field(description="Who created it; null once their account is deleted.")
    async def created_by(self, info: Info) -> User | None:
        row = cast(models.Chat, self)
        if row.created_by_id is None:
            return None
        return cast(User | None, await info.context.loaders.users.load(row.created_by_id))

    @strawberry_django.field(description="The newest message that the viewer can read.")
    async def last_message(self, info: Info) -> Message | None:
        row = cast(models.Chat, self)
        return cast(Message | None, await info.context.loaders.last_messages.load(row.id))

    @strawberry_django.field(
        description="Its messages, oldest first; without `first` and `after`, the newest page."
    )
    async def messages(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        around_seq: AroundSeq = None,
    ) -> MessageConnection:
        row = cast(models.Chat, self)
        rows = window(
            first=first, after=after, last=last, before=before, around=around_seq, newest_first=True
        )
        return await message_page(info, row.id, rows)

    @strawberry_django.field(description="Its members, in the order in which they joined.")
    async def members(self, info: Info, first: FirstFifty = 50, after: After = None) -> MembershipConnection:
        row = cast(models.Chat, self)
        key = PageKey(row.id, window(first=first, after=after))
        page = await info.context.loaders.member_pages.load(key)
        if page is None:
            raise not_found("Chat")
        return connection(MembershipConnection, page, lambda row: encode_cursor(row.id))

    @strawberry_django.field(description="The number of members.")
    async def member_count(self, info: Info) -> int:
        row = cast(models.Chat, self)
        return await info.context.loaders.member_counts.load(row.id) or 0

    @strawberry_django.field(description="The viewer's own membership, with what is private to them.")
    async def viewer_membership(self, info: Info) -> ViewerMembership:
        row = cast(models.Chat, self)
        membership = await info.context.loaders.viewer_memberships.load(row.id)
        if membership is None:
            raise not_found("Chat")
        return cast(ViewerMembership, membership)


async def message_page(info: Info, chat_id: int, rows: Window) -> MessageConnection:
    """A page of those messages of a chat that the viewer may read."""
    page = await info.context.loaders.message_pages.load(PageKey(chat_id, rows))
    if page is None:
        raise not_found("Chat")
    return connection(MessageConnection, page, lambda row: encode_cursor(row.seq))


@strawberry.type(description="A page of chats, the last active first.")
class ChatConnection(relay.Connection[Chat]):
    """A page of chats (Relay)."""
