"""The mutations of the viewer's sockets: create a ticket, renew, close."""

from typing import Annotated

import strawberry

from auth import throttle
from auth.identity import authenticate
from auth.tickets import chat_ids, issue_ticket
from foundation.errors import ErrorCode, ParlorError
from schema.context import Info
from schema.host_process import process
from schema.ids import decode_text_id
from schema.types.auth import SocketTicket
from schema.types.sockets import Socket, show_current_socket


@strawberry.type
class SocketMutations:
    """Mutations of sockets."""

    @strawberry.mutation(
        description="Create a ticket that opens one socket, for clients that can send neither a header nor a "
        "connection_init payload."
    )
    async def create_socket_ticket(self, info: Info) -> SocketTicket:
        identity = info.context.require_identity()
        await throttle.check_ticket(identity.user_id)
        ticket = await issue_ticket(identity)
        ids = [strawberry.ID(chat_id) for chat_id in await chat_ids(identity.user_id)]
        return SocketTicket(ticket=ticket.ticket, expires_at=ticket.expires_at, chat_ids=ids)

    @strawberry.mutation(
        description="Extend the life of the socket that this mutation is sent on, with a newer access token of the "
        "same user. A token of another user fails with FORBIDDEN, and the socket stays open."
    )
    async def renew_connection(
        self,
        info: Info,
        access_token: Annotated[str, strawberry.argument(description="The newer access token.")],
    ) -> Socket:
        socket = info.context.socket
        if socket is None:
            raise ParlorError(
                ErrorCode.BAD_INPUT, "Send this mutation over the websocket that it should renew."
            )
        await socket.renew(await authenticate(access_token))
        return show_current_socket(socket)

    @strawberry.mutation(
        description="Close one of the viewer's sockets, whichever server process it is connected to. Returns false if "
        "there is no such socket."
    )
    async def close_socket(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of the socket.")],  # noqa: A002 - the contract's name
    ) -> bool:
        viewer_id = info.context.viewer_id
        return await process().sockets().close_socket(viewer_id, decode_text_id("Socket", id))
