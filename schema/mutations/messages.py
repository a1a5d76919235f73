"""Sending messages."""

from typing import Annotated, cast

import strawberry
from django.conf import settings

from chats import services
from foundation.database import in_thread
from foundation.per_key_limit import PerKeyLimit
from foundation.rate_limits import check_rate
from schema.context import Info
from schema.ids import decode_id
from schema.types.messages import Message

MessageId = Annotated[strawberry.ID, strawberry.argument(description="The message.")]

_sends = PerKeyLimit()


@strawberry.input(description="A new message.")
class SendMessageInput:
    """The arguments of sendMessage."""

    chat_id: strawberry.ID = strawberry.field(description="Where to.")
    text: str = strawberry.field(description="Plain text, not empty; `maxMessageLength` characters at most.")
    client_id: str | None = strawberry.field(
        default=None,
        description="An id of the client's choice. Sent again by the same person it gives the first message, for ever; "
        "with other content it is a CONFLICT.",
    )
    reply_to_id: strawberry.ID | None = strawberry.field(
        default=None, description="The message of the same chat that this one answers."
    )


@strawberry.type
class MessageMutations:
    """Mutations of messages."""

    @strawberry.mutation(description="Post a message.")
    async def send_message(
        self,
        info: Info,
        input: Annotated[SendMessageInput, strawberry.argument(description="The message.")],  # noqa: A002
    ) -> Message:
        viewer_id = info.context.viewer_id
        await check_rate("send", str(viewer_id))
        chat_id = decode_id("Chat", input.chat_id)
        reply_to_id = None if input.reply_to_id is None else decode_id("Message", input.reply_to_id)
        async with _sends.slot(chat_id, settings.SENDS_PER_CHAT):
            message = await in_thread(
                services.send_message,
                viewer_id,
                chat_id,
                input.text,
                client_id=input.client_id,
                reply_to_id=reply_to_id,
            )
        return cast(Message, message)

    @strawberry.mutation(description="Give a message of the viewer's another text. GONE once it is deleted.")
    async def edit_message(
        self,
        info: Info,
        message_id: MessageId,
        text: Annotated[
            str, strawberry.argument(description="Not empty; `maxMessageLength` characters at most.")
        ],
    ) -> Message:
        viewer_id = info.context.viewer_id
        await check_rate("send", str(viewer_id))
        message = await in_thread(services.edit_message, viewer_id, decode_id("Message", message_id), text)
        return cast(Message, message)

    @strawberry.mutation(
        description="Delete a message: its text is gone for good, its tombstone stays. In a group its owner and admins "
        "may delete those of others too."
    )
    async def delete_message(self, info: Info, message_id: MessageId) -> Message:
        viewer_id = info.context.viewer_id
        await check_rate("send", str(viewer_id))
        message = await in_thread(services.delete_message, viewer_id, decode_id("Message", message_id))
        return cast(Message, message)
