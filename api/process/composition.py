"""The composition root: builds the sockets' dependencies, and connects the layers that may not import each other."""

from collections.abc import Sequence

from django.conf import settings

from api.socket.close_codes import CloseCode
from api.socket.control_feed import HubControlFeeds, send_control
from api.socket.control_messages import Revoke
from api.socket.interfaces import SocketDependencies
from api.socket.limits import SocketLimits
from api.socket.local_sockets import LocalSockets
from api.socket.socket_leases import SocketLeases
from auth import authentication
from auth.revocation import Revoked, on_revoked, revoked_among
from auth.tickets import provide_chat_ids
from chats.access import member_chat_ids
from foundation.database import in_thread
from foundation.per_loop import PerLoop
from schema import execution, host_process
from schema.host_process import CloseCodeRow, SocketDirectory
from schema.ids import encode_id


def _make_local_sockets() -> LocalSockets:
    feeds = HubControlFeeds(lambda user_id, message: sockets.on_control_message(user_id, message))
    sockets = LocalSockets(
        feeds,
        SocketLeases(settings.SOCKET_LEASE_SECONDS),
        revoked_among,
        settings.SOCKETS_PER_USER,
        settings.SOCKET_LEASE_SECONDS,
    )
    return sockets


# The sockets that this process serves on the running event loop.
local_sockets = PerLoop(_make_local_sockets)


def _make_socket_dependencies() -> SocketDependencies:
    return SocketDependencies(execution, authentication, local_sockets(), SocketLimits.from_settings())


# Built once per event loop, since every handshake asks for it.
socket_dependencies = PerLoop(_make_socket_dependencies)


class RunningProcess:
    """This process as a `schema.host_process.HostProcess`."""

    def sockets(self) -> SocketDirectory:
        """The sockets of all processes, through the registry of the running event loop."""
        return local_sockets()

    def close_codes(self) -> Sequence[CloseCodeRow]:
        """Every close code, by number."""
        return [CloseCodeRow(int(code), code.name, code.meaning, code.retry) for code in sorted(CloseCode)]


def connect_layers() -> None:
    """Connect the layers that may not import each other. Called once, when Django is ready."""
    host_process.install(RunningProcess())
    provide_chat_ids(_chat_ids)
    on_revoked(_send_revocation)


def _send_revocation(revoked: Revoked) -> None:
    send_control(revoked.user_id, Revoke.of(revoked))


async def _chat_ids(user_id: int) -> list[str]:
    return [encode_id("Chat", chat_id) for chat_id in await in_thread(member_chat_ids, user_id)]
