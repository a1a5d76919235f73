"""The events that feeds carry, as GraphQL types. Each has the name of its struct in `chats.events`."""

import enum
from datetime import datetime
from typing import Annotated

import strawberry

from schema.types.chats import Membership
from schema.types.messages import Message
from schema.types.users import User

CHAT_ID = "The chat it happened in."


@strawberry.interface(description="A durable event: has a seq and is replayed.")
class ChatEvent:
    """The fields of every durable event."""

    chat_id: strawberry.ID = strawberry.field(description=CHAT_ID)
    seq: int = strawberry.field(description="The event's place in the chat: 1, 2, 3 ... without holes.")
    at: datetime = strawberry.field(description="When it happened.")
    actor: User | None = strawberry.field(description="Who did it; null once their account is gone.")


@strawberry.type(description="A message was posted. Replayed: as it stands now, edited or a tombstone.")
class MessagePosted(ChatEvent):
    """A message was posted."""

    message: Message = strawberry.field(description="The message.")


@strawberry.type(description="A message has another text. Replayed: as it stands now.")
class MessageEdited(ChatEvent):
    """A message was edited."""

    message: Message = strawberry.field(description="The message.")


@strawberry.type(description="A message was deleted: its text is gone for good.")
class MessageDeleted(ChatEvent):
    """A message was deleted."""

    message_id: strawberry.ID = strawberry.field(description="Which message it was.")
    message_seq: int = strawberry.field(description="The message's own seq.")


@strawberry.type(description="Somebody came in. The actor is whoever let them in.")
class MemberJoined(ChatEvent):
    """A member joined."""

    member: Membership = strawberry.field(description="The new member.")


@strawberry.type(description="Somebody is no longer a member.")
class MemberLeft(ChatEvent):
    """A member left or was removed."""

    user: User = strawberry.field(description="Who left.")
    removed: bool = strawberry.field(description="Whether another member took them out.")


@strawberry.type(description="A member's role is another. Replayed: the role of now.")
class MemberRoleChanged(ChatEvent):
    """A member has another role."""

    member: Membership = strawberry.field(description="The member.")


@strawberry.type(
    description="Somebody began or ceased to write. Not replayed: the latest counts, for some seconds."
)
class TypingChanged:
    """A member started or stopped typing."""

    chat_id: strawberry.ID = strawberry.field(description=CHAT_ID)
    user: User = strawberry.field(description="Who.")
    typing: bool = strawberry.field(description="Whether they are writing.")


@strawberry.type(description="The feed stands: nothing after `seq` will be missed.")
class FeedReady:
    """The first event of every chat feed."""

    chat_id: strawberry.ID = strawberry.field(description="The chat that the feed follows.")
    seq: int = strawberry.field(description="The feed begins after this seq.")
    replayed: int = strawberry.field(description="How many of the events that follow had happened before.")


@strawberry.enum(description="Why a feed cannot go on from where the client was.")
class FeedResetReason(enum.Enum):
    """Why a feed was reset."""

    BEYOND_HORIZON = strawberry.enum_value(
        "BEYOND_HORIZON", description="The log no longer goes back that far."
    )
    AHEAD_OF_SERVER = strawberry.enum_value(
        "AHEAD_OF_SERVER", description="The chat never got as far as `since`."
    )
    TOO_MANY = strawberry.enum_value("TOO_MANY", description="More was missed than a feed replays.")


@strawberry.type(
    description="`since` lies before what the server still keeps (or in its future): fetch the chat anew, then go on "
    "from `seq`."
)
class FeedReset:
    """The feed starts anew."""

    chat_id: strawberry.ID = strawberry.field(description="The chat that the feed follows.")
    seq: int = strawberry.field(description="The feed goes on after this seq.")
    reason: FeedResetReason = strawberry.field(description="Why.")


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
    strawberry.union("ChatFeedEvent", description="What one chat's feed carries."),
]
