"""The mutations that create chats."""

from typing import Annotated, cast

import strawberry

from chats import services
from foundation.database import in_thread
from foundation.rate_limits import check_rate
from schema.context import Info
from schema.ids import decode_id
from schema.types.chats import Chat


@strawberry.input(description="The data of a new group.")
class CreateGroupChatInput:
    """The arguments of createGroupChat."""

    title: str = strawberry.field(
        description="The group's title; not empty, at most MAX_TITLE_LENGTH characters."
    )
    member_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of the members besides the viewer."
    )
    client_id: str | None = strawberry.field(
        default=None,
        description="An id that the client chooses. Sending the same id again returns the group that it first created.",
    )


@strawberry.type
class ChatMutations:
    """Mutations of chats."""

    @strawberry.mutation(description="Return the direct chat with another user; create it if there is none.")
    async def start_direct_chat(
        self,
        info: Info,
        user_id: Annotated[strawberry.ID, strawberry.argument(description="The id of the other user.")],
    ) -> Chat:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        other_id = decode_id("User", user_id)
        return cast(Chat, await in_thread(services.start_direct_chat, viewer_id, other_id))

    @strawberry.mutation(description="Create a group. The viewer becomes its owner.")
    async def create_group_chat(
        self,
        info: Info,
        input: Annotated[CreateGroupChatInput, strawberry.argument(description="The new group.")],  # noqa: A002
    ) -> Chat:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        member_ids = [decode_id("User", member_id) for member_id in input.member_ids]
        chat = await in_thread(
            services.create_group_chat, viewer_id, input.title, member_ids, client_id=input.client_id
        )
        return cast(Chat, chat)
