"""That the viewer is writing."""

from typing import Annotated

import strawberry

from chats import services
from foundation.database import in_thread
from foundation.rate_limits import check_rate
from schema.context import Info
from schema.ids import decode_id


@strawberry.type
class TypingMutations:
    """Mutations of what is true for a moment."""

    @strawberry.mutation(
        description="Tell those who follow the chat that the viewer is writing, or no longer. Repeat it every few "
        "seconds; clients forget it by themselves."
    )
    async def set_typing(
        self,
        info: Info,
        chat_id: Annotated[strawberry.ID, strawberry.argument(description="The chat.")],
        typing: Annotated[bool, strawberry.argument(description="Whether the viewer is writing.")],
    ) -> bool:
        viewer_id = info.context.viewer_id
        await check_rate("typing", str(viewer_id))
        await in_thread(services.set_typing, viewer_id, decode_id("Chat", chat_id), typing)
        return True
