"""Who is in a group."""

from typing import Annotated, cast

import strawberry

from chats import services
from foundation.database import in_thread
from foundation.rate_limits import check_rate
from schema.context import Info
from schema.ids import decode_id
from schema.types.chats import Chat

ChatId = Annotated[strawberry.ID, strawberry.argument(description="The group.")]


@strawberry.type
class MemberMutations:
    """Mutations of members."""

    @strawberry.mutation(description="Take people into a group. Who is a member already stays as they are.")
    async def add_members(
        self,
        info: Info,
        chat_id: ChatId,
        user_ids: Annotated[list[strawberry.ID], strawberry.argument(description="Who comes in.")],
    ) -> Chat:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        ids = [decode_id("User", user_id) for user_id in user_ids]
        chat = await in_thread(services.add_members, viewer_id, decode_id("Chat", chat_id), ids)
        return cast(Chat, chat)

    @strawberry.mutation(description="Take somebody out of a group. Their feeds of it end in the same step.")
    async def remove_member(
        self,
        info: Info,
        chat_id: ChatId,
        user_id: Annotated[strawberry.ID, strawberry.argument(description="Who goes.")],
    ) -> Chat:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        chat = await in_thread(
            services.remove_member, viewer_id, decode_id("Chat", chat_id), decode_id("User", user_id)
        )
        return cast(Chat, chat)

    @strawberry.mutation(
        description="Leave a group. An owner hands over to the oldest admin, else the oldest member."
    )
    async def leave_chat(self, info: Info, chat_id: ChatId) -> bool:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        await in_thread(services.leave_chat, viewer_id, decode_id("Chat", chat_id))
        return True
