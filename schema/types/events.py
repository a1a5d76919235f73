"""The events that feeds carry, as GraphQL types. Each has the name of its struct in `chats.events`."""

import enum
from datetime import datetime
from typing import Annotated

import strawberry

from schema.types.chats import Membership
from schema.types.messages import Message
from schema.types.users import User

CHAT_ID = "The chat of the event."


@strawberry.interface(description="A durable event of a chat. It has a seq and is replayed.")
class ChatEvent:
    """The fields of every durable event."""

    chat_id: strawberry.ID = strawberry.field(description=CHAT_ID)
    seq: int = strawberry.field(description="The event's number in the chat: 1, 2, 3 ... without gaps.")
    at: datetime = strawberry.field(description="When the event happened.")
    actor: User | None = strawberry.field(
        description="The user who caused the event; null if the account no longer exists."
    )


@strawberry.type(
    description="A message was posted. A replay shows the message's current state, edited or as a tombstone."
)
class MessagePosted(ChatEvent):
    """A message was posted."""

    message: Message = strawberry.field(description="The message.")


@strawberry.type(description="The text of a message was changed. A replay shows the message's current state.")
class MessageEdited(ChatEvent):
    """A message was edited."""

    message: Message = strawberry.field(description="The message.")


@strawberry.type(description="A message was deleted. Its text is erased for good.")
class MessageDeleted(ChatEvent):
    """A message was deleted."""

    message_id: strawberry.ID = strawberry.field(description="The id of the deleted message.")
    message_seq: int = strawberry.field(description="The seq of the deleted message.")


@strawberry.type(description="A user joined the chat. The actor is the user who added them.")
class MemberJoined(ChatEvent):
    """A member joined."""

    member: Membership = strawberry.field(description="The new member.")


@strawberry.type(description="A user is no longer a member of the chat.")
class MemberLeft(ChatEvent):
    """A member left or was removed."""

    user: User = strawberry.field(description="The user who left.")
    removed: bool = strawberry.field(description="Whether another member removed the user.")


@strawberry.type(description="A member's role was changed. A replay shows the current role.")
class MemberRoleChanged(ChatEvent):
    """A member has another role."""

    member: Membership = strawberry.field(description="The member.")


@strawberry.type(
    description="A user started or stopped typing. Not replayed; only the latest event counts, for some seconds."
)
class TypingChanged:
    """A member started or stopped typing."""

    chat_id: strawberry.ID = strawberry.field(description=CHAT_ID)
    user: User = strawberry.field(description="The user who is or was typing.")
    typing: bool = strawberry.field(description="Whether the user is typing.")


@strawberry.type(description="The first event of a feed: no event after `seq` will be missed.")
class FeedReady:
    """The first event of every chat feed."""

    chat_id: strawberry.ID = strawberry.field(description="The chat that the feed follows.")
    seq: int = strawberry.field(description="The feed starts after this seq.")
    replayed: int = strawberry.field(
        description="The number of following events that are replayed from before the subscription."
    )


@strawberry.enum(description="Why a feed cannot resume where the client was.")
class FeedResetReason(enum.Enum):
    """Why a feed was reset."""

    BEYOND_HORIZON = strawberry.enum_value(
        "BEYOND_HORIZON", description="The log no longer reaches back that far."
    )
    AHEAD_OF_SERVER = strawberry.enum_value(
        "AHEAD_OF_SERVER", description="The chat never reached the seq in `since`."
    )
    TOO_MANY = strawberry.enum_value(
        "TOO_MANY", description="The client missed more events than a feed replays."
    )


@strawberry.type(
    description="The server cannot replay from `since`. Fetch the chat again; the feed continues after `seq`."
)
class FeedReset:
    """The feed starts anew."""

    chat_id: strawberry.ID = strawberry.field(description="The chat that the feed follows.")
    seq: int = strawberry.field(description="The feed continues after this seq.")
    reason: FeedResetReason = strawberry.field(description="Why the feed cannot resume.")


# The one list of the event types that both chatFeed and inboxFeed carry.
CommonFeedEvent = (
    FeedReset
    | MessagePosted
    | MessageEdited
    | MessageDeleted
    | MemberJoined
    | MemberLeft
    | MemberRoleChanged
    | TypingChanged
)

ChatFeedEvent = Annotated[
    FeedReady | CommonFeedEvent,
    strawberry.union("ChatFeedEvent", description="An event of the feed of one chat."),
]
