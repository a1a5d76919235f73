"""The GraphQL types of messages."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast

import strawberry
import strawberry_django
from strawberry import relay

from auth.models import User as UserRow
from chats import models
from chats.models import MessageKind
from schema.context import Info
from schema.ids import not_found
from schema.types.scope import SHAREABLE
from schema.types.users import User

if TYPE_CHECKING:
    from schema.types.chats import Chat


@strawberry_django.type(
    models.Message, description="A message in a chat. A deleted one stays as a tombstone without its text."
)
class Message(relay.Node):
    """A message."""

    id: relay.NodeID[int]
    seq: int = strawberry_django.field(
        description="The seq of the event that posted it: its position in the chat."
    )
    kind: MessageKind = strawberry_django.field(
        description="Written by a person or bot, or stated by the server."
    )
    client_id: str | None = strawberry_django.field(
        description="The id that the sender's client chose; sending the same id again returns the same message."
    )
    text: str = strawberry_django.field(description="Plain text; empty once the message is deleted.")
    created_at: datetime = strawberry_django.field(description="When the message was posted.")
    edited_at: datetime | None = strawberry_django.field(description="When the text was last changed.")
    deleted_at: datetime | None = strawberry_django.field(description="When the message was deleted.")

    @strawberry_django.field(
        description="Who sent it; null for a system message and for a deleted account.",
        metadata=SHAREABLE,
    )
    async def sender(self, info: Info) -> User | None:
        row = cast(models.Message, self)
        return cast(User | None, await sender_of(row, info))

    @strawberry_django.field(description="The chat that the message belongs to.")
    async def chat(self, info: Info) -> Annotated["Chat", strawberry.lazy("schema.types.chats")]:
        row = cast(models.Message, self)
        chat = await info.context.loaders.chats.load(row.chat_id)
        if chat is None:
            raise not_found("Chat")
        return cast("Chat", chat)

    @strawberry_django.field(
        description="The message that it replies to; null if there is none or the viewer may not see it."
    )
    async def reply_to(self, info: Info) -> "Message | None":
        row = cast(models.Message, self)
        if row.reply_to_id is None:
            return None
        return cast("Message | None", await info.context.loaders.messages.load(row.reply_to_id))


async def sender_of(message: models.Message, info: Info) -> UserRow | None:
    """The sender: from the snapshot that a live event carries, else looked up in a batch."""
    if message.sender_id is None:
        return None
    if models.Message.sender.is_cached(message):
        return message.sender
    return await info.context.loaders.users.load(message.sender_id)


@strawberry.type(description="A page of messages, oldest first.")
class MessageConnection(relay.Connection[Message]):
    """A page of messages (Relay)."""
