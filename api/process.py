"""The process as the schema shows it, and what is told to whom when it starts."""

from collections.abc import Sequence

from api.control import send_control
from api.services import socket_registry
from api.socket.close_codes import CloseCode
from auth.revocation import Revoked, on_revoked
from auth.tickets import provide_chat_ids
from chats.access import member_chat_ids
from foundation.database import in_thread
from schema import ports
from schema.ids import encode_id
from schema.ports import CloseCodeRow, SocketDirectory


class RunningProcess:
    """`schema.ports.Process` over this process."""

    def sockets(self) -> SocketDirectory:
        """The sockets, as the running event loop sees them."""
        return socket_registry()

    def close_codes(self) -> Sequence[CloseCodeRow]:
        """Every close code, by number."""
        return [CloseCodeRow(int(code), code.name, code.meaning, code.retry) for code in sorted(CloseCode)]


def wire() -> None:
    """Join the layers that may not import each other. Called once, when Django is ready."""
    ports.install(RunningProcess())
    provide_chat_ids(_chat_ids)
    on_revoked(_tell_sockets)


def _tell_sockets(revoked: Revoked) -> None:
    sessions = None if revoked.session_ids is None else sorted(revoked.session_ids)
    send_control(revoked.user_id, {"type": "revoke", "sessionIds": sessions, "epoch": revoked.epoch})


async def _chat_ids(user_id: int) -> list[str]:
    return [encode_id("Chat", chat_id) for chat_id in await in_thread(member_chat_ids, user_id)]
