"""The events of inboxFeed itself, beside those of its chats, as GraphQL types."""

from typing import Annotated

import strawberry

from schema.types.chats import Chat
from schema.types.events import CommonFeedEvent


@strawberry.type(description="A chat's position in the feed.")
class ChatCursor:
    """Where one chat of an inbox starts."""

    chat_id: strawberry.ID = strawberry.field(description="The chat.")
    seq: int = strawberry.field(description="The feed delivers the chat's events after this seq.")
    unread_count: int = strawberry.field(
        description="The number of unread messages of others. MAX_UNREAD_COUNT means that many or more."
    )


@strawberry.type(
    description="The first event of the feed: all chats of the viewer, and the seq after which the feed follows each."
)
class InboxReady:
    """The first event of every inbox feed."""

    chats: list[ChatCursor] = strawberry.field(description="All chats of the viewer.")


@strawberry.type(description="The viewer joined a chat. Its events from the joining on follow.")
class ChatAdded:
    """The viewer joined a chat."""

    chat: Chat = strawberry.field(description="The chat.")


@strawberry.type(description="The viewer is no longer a member of this chat. No more of its events follow.")
class ChatRemoved:
    """The viewer left a chat or was removed."""

    chat_id: strawberry.ID = strawberry.field(description="The chat.")


@strawberry.input(description="The position up to which a client has a chat's events.")
class ChatCursorInput:
    """A chat's position in the `since` argument of inboxFeed."""

    chat_id: strawberry.ID = strawberry.field(description="The chat.")
    seq: int = strawberry.field(description="The seq of the last event that the client has.")


InboxFeedEvent = Annotated[
    InboxReady | ChatAdded | ChatRemoved | CommonFeedEvent,
    strawberry.union("InboxFeedEvent", description="An event of the feed of all the viewer's chats."),
]
