"""Making chats."""

from typing import Annotated, cast

import strawberry

from chats import services
from foundation.database import in_thread
from foundation.rate_limits import check_rate
from schema.context import Info
from schema.ids import decode_id
from schema.types.chats import Chat


@strawberry.input(description="A new group.")
class CreateGroupChatInput:
    """The arguments of createGroupChat."""

    title: str = strawberry.field(description="What the group is called; not empty.")
    member_ids: list[strawberry.ID] = strawberry.field(description="Who is in it besides the viewer.")
    client_id: str | None = strawberry.field(
        default=None,
        description="An id of the client's choice: sent again, it gives the group that it first made.",
    )


@strawberry.type
class ChatMutations:
    """Mutations of chats."""

    @strawberry.mutation(description="The one direct chat with that person, made if there is none.")
    async def start_direct_chat(
        self,
        info: Info,
        user_id: Annotated[strawberry.ID, strawberry.argument(description="The other person.")],
    ) -> Chat:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        other_id = decode_id("User", user_id)
        return cast(Chat, await in_thread(services.start_direct_chat, viewer_id, other_id))

    @strawberry.mutation(description="Make a group; the viewer owns it.")
    async def create_group_chat(
        self,
        info: Info,
        input: Annotated[CreateGroupChatInput, strawberry.argument(description="The group.")],  # noqa: A002
    ) -> Chat:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        member_ids = [decode_id("User", member_id) for member_id in input.member_ids]
        chat = await in_thread(
            services.create_group_chat, viewer_id, input.title, member_ids, client_id=input.client_id
        )
        return cast(Chat, chat)
