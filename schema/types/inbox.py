"""The events of inboxFeed itself, beside those of its chats, as GraphQL types."""

from typing import Annotated

import strawberry

from schema.types.chats import Chat
from schema.types.events import CommonFeedEvent


@strawberry.type(description="Where a chat stands in the feed.")
class ChatCursor:
    """Where one chat of an inbox starts."""

    chat_id: strawberry.ID = strawberry.field(description="The chat.")
    seq: int = strawberry.field(description="The chat's events after this seq follow.")
    unread_count: int = strawberry.field(
        description="How many messages of others the viewer has not read; MAX_UNREAD_COUNT is that or more."
    )


@strawberry.type(description="The first event: all chats of the viewer, and from where on each is followed.")
class InboxReady:
    """The first event of every inbox feed."""

    chats: list[ChatCursor] = strawberry.field(description="All chats of the viewer.")


@strawberry.type(description="The viewer has come into a chat. Its events from then on follow.")
class ChatAdded:
    """The viewer joined a chat."""

    chat: Chat = strawberry.field(description="The chat.")


@strawberry.type(description="The viewer is no longer a member of this chat. Nothing of it follows.")
class ChatRemoved:
    """The viewer left a chat or was removed."""

    chat_id: strawberry.ID = strawberry.field(description="The chat.")


@strawberry.input(description="Up to where a client has a chat's events.")
class ChatCursorInput:
    """A chat's position in the `since` argument of inboxFeed."""

    chat_id: strawberry.ID = strawberry.field(description="The chat.")
    seq: int = strawberry.field(description="The seq of the last event that the client has.")


InboxFeedEvent = Annotated[
    InboxReady | ChatAdded | ChatRemoved | CommonFeedEvent,
    strawberry.union("InboxFeedEvent", description="What the feed of all chats carries."),
]
