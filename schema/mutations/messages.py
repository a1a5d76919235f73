"""The mutations of messages: send, edit and delete."""

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

MessageId = Annotated[strawberry.ID, strawberry.argument(description="The id of the message.")]

_sends = PerKeyLimit()


@strawberry.input(description="The data of a new message.")
class SendMessageInput:
    """The arguments of sendMessage."""

    chat_id: strawberry.ID = strawberry.field(description="The id of the chat to post in.")
    text: str = strawberry.field(description="Plain text; not empty, at most `maxMessageLength` characters.")
    client_id: str | None = strawberry.field(
        default=None,
        description="An id that the client chooses. If the same user sends the same id again, at any time, the "
        "mutation returns the first message; with other content it fails with CONFLICT.",
    )
    reply_to_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the message in the same chat that this message replies to."
    )


@strawberry.type
class MessageMutations:
    """Mutations of messages."""

    @strawberry.mutation(description="Post a message in a chat.")
    async def send_message(
        self,
        info: Info,
        input: Annotated[SendMessageInput, strawberry.argument(description="The new message.")],  # noqa: A002
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

    @strawberry.mutation(
        description="Change the text of one of the viewer's messages. Fails with GONE if the message is deleted."
    )
    async def edit_message(
        self,
        info: Info,
        message_id: MessageId,
        text: Annotated[
            str,
            strawberry.argument(
                description="The new text; not empty, at most `maxMessageLength` characters."
            ),
        ],
    ) -> Message:
        viewer_id = info.context.viewer_id
        await check_rate("send", str(viewer_id))
        message = await in_thread(services.edit_message, viewer_id, decode_id("Message", message_id), text)
        return cast(Message, message)

    @strawberry.mutation(
        description="Delete a message: its text is erased for good and a tombstone remains. The owner and the admins "
        "of a group may also delete messages of others."
    )
    async def delete_message(self, info: Info, message_id: MessageId) -> Message:
        viewer_id = info.context.viewer_id
        await check_rate("send", str(viewer_id))
        message = await in_thread(services.delete_message, viewer_id, decode_id("Message", message_id))
        return cast(Message, message)
