"""The GraphQL type of the logged-in user, with the fields that only they can see."""

import strawberry

from chats import reads
from foundation.database import in_thread
from schema.context import Info
from schema.host_process import process
from schema.types.sockets import Socket, show_socket
from schema.types.users import User


@strawberry.type(description="The logged-in user, with the fields that only they can see.")
class Viewer:
    """The logged-in user."""

    user: User = strawberry.field(description="The viewer's public profile.")
    email: str | None = strawberry.field(description="The viewer's email address; nobody else can see it.")

    @strawberry.field(description="The viewer's live sockets, newest first.")
    async def sockets(self, info: Info) -> list[Socket]:
        rows = await process().sockets().list_sockets(info.context.viewer_id)
        return [show_socket(row, info.context.socket) for row in rows]

    @strawberry.field(
        description="The number of chats with unread messages, without archived chats. MAX_UNREAD_COUNT means that "
        "many or more."
    )
    async def unread_chat_count(self, info: Info) -> int:
        return await in_thread(reads.unread_chat_count, info.context.viewer_id)
