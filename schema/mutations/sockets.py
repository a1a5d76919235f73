"""The viewer's sockets: tickets, renewal, closing."""

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

    @strawberry.mutation(description="A ticket that opens one socket, for clients that can send no header.")
    async def create_socket_ticket(self, info: Info) -> SocketTicket:
        identity = info.context.require_identity()
        await throttle.check_ticket(identity.user_id)
        ticket = await issue_ticket(identity)
        ids = [strawberry.ID(chat_id) for chat_id in await chat_ids(identity.user_id)]
        return SocketTicket(ticket=ticket.ticket, expires_at=ticket.expires_at, chat_ids=ids)

    @strawberry.mutation(
        description="Moves the life of the socket it is sent on to a newer token of the same user; another user's is "
        "FORBIDDEN, and the socket lives on."
    )
    async def renew_connection(
        self,
        info: Info,
        access_token: Annotated[str, strawberry.argument(description="The newer access token.")],
    ) -> Socket:
        socket = info.context.socket
        if socket is None:
            raise ParlorError(ErrorCode.BAD_INPUT, "Send this over the websocket that it is to renew.")
        await socket.renew(await authenticate(access_token))
        return show_current_socket(socket)

    @strawberry.mutation(
        description="Close a socket of the viewer's, wherever it is. False if there is none such."
    )
    async def close_socket(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The socket.")],  # noqa: A002 - the contract's name
    ) -> bool:
        viewer_id = info.context.viewer_id
        return await process().sockets().close_socket(viewer_id, decode_text_id("Socket", id))
