"""The part of a person that only they see."""

import strawberry

from chats import reads
from foundation.database import in_thread
from schema.context import Info
from schema.host_process import process
from schema.types.sockets import Socket, show_socket
from schema.types.users import User


@strawberry.type(description="Who is logged in: the part that only they see.")
class Viewer:
    """The viewer."""

    user: User = strawberry.field(description="The viewer as others see them.")
    email: str | None = strawberry.field(description="The viewer's address; nobody else sees it.")

    @strawberry.field(description="The viewer's live sockets, newest first.")
    async def sockets(self, info: Info) -> list[Socket]:
        rows = await process().sockets().list_sockets(info.context.viewer_id)
        return [show_socket(row, info.context.socket) for row in rows]

    @strawberry.field(
        description="In how many chats, archived ones left out, there is something to read; counted like messages."
    )
    async def unread_chat_count(self, info: Info) -> int:
        return await in_thread(reads.unread_chat_count, info.context.viewer_id)
