"""The mutations of a group's members."""

from typing import Annotated, cast

import strawberry

from chats import services
from foundation.database import in_thread
from foundation.rate_limits import check_rate
from schema.context import Info
from schema.ids import decode_id
from schema.types.chats import Chat

ChatId = Annotated[strawberry.ID, strawberry.argument(description="The id of the group.")]


@strawberry.type
class MemberMutations:
    """Mutations of members."""

    @strawberry.mutation(description="Add users to a group. Users who are already members are unchanged.")
    async def add_members(
        self,
        info: Info,
        chat_id: ChatId,
        user_ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="The ids of the users to add.")
        ],
    ) -> Chat:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        ids = [decode_id("User", user_id) for user_id in user_ids]
        chat = await in_thread(services.add_members, viewer_id, decode_id("Chat", chat_id), ids)
        return cast(Chat, chat)

    @strawberry.mutation(
        description="Remove a member from a group. The member's feeds of the group end in the same step."
    )
    async def remove_member(
        self,
        info: Info,
        chat_id: ChatId,
        user_id: Annotated[strawberry.ID, strawberry.argument(description="The id of the member to remove.")],
    ) -> Chat:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        chat = await in_thread(
            services.remove_member, viewer_id, decode_id("Chat", chat_id), decode_id("User", user_id)
        )
        return cast(Chat, chat)

    @strawberry.mutation(
        description="Leave a group. If the owner leaves, the longest-standing admin becomes the owner, or else the "
        "longest-standing member."
    )
    async def leave_chat(self, info: Info, chat_id: ChatId) -> bool:
        viewer_id = info.context.viewer_id
        await check_rate("chats", str(viewer_id))
        await in_thread(services.leave_chat, viewer_id, decode_id("Chat", chat_id))
        return True
