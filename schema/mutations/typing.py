"""The mutation that reports whether the viewer is typing."""

from typing import Annotated

import strawberry

from chats import services
from foundation.database import in_thread
from foundation.rate_limits import check_rate
from schema.context import Info
from schema.ids import decode_id


@strawberry.type
class TypingMutations:
    """Mutations of typing indicators."""

    @strawberry.mutation(
        description="Notify the chat's subscribers that the viewer is typing, or has stopped. Repeat it every few "
        "seconds while the viewer types; clients clear the indicator by themselves."
    )
    async def set_typing(
        self,
        info: Info,
        chat_id: Annotated[strawberry.ID, strawberry.argument(description="The id of the chat.")],
        typing: Annotated[bool, strawberry.argument(description="Whether the viewer is typing.")],
    ) -> bool:
        viewer_id = info.context.viewer_id
        await check_rate("typing", str(viewer_id))
        await in_thread(services.set_typing, viewer_id, decode_id("Chat", chat_id), typing)
        return True
