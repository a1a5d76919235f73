"""What a socket needs from outside, each as a protocol, so that tests run the state machine with stand-ins."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from api.socket.close_codes import CloseCode
from api.socket.limits import SocketLimits
from auth.identity import Identity
from schema.execution import Executor


class FrameWriter(Protocol):
    """Writes frames to one client. No method raises; after `close` nothing more is sent."""

    @property
    def backlog(self) -> int:
        """Characters that the server program has not taken yet; 0 when it takes all at once."""

    def send_text(self, text: str) -> None:
        """Send one text frame, in order."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket; `reason` is at most 123 bytes of UTF-8."""

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Call `callback` each time that a backlog has been taken."""


class Authenticator(Protocol):
    """Checks credentials: the module `auth.authentication`. Each method raises ParlorError for a bad credential."""

    async def authenticate(self, access_token: str, /) -> Identity:
        """The identity of an access token."""

    async def redeem_ticket(self, ticket: str, /) -> Identity:
        """The identity of a ticket, which is then used up."""

    async def require_current(self, identity: Identity, /) -> None:
        """Return if nothing has revoked the identity since it was authenticated."""


class LocalSocket(Protocol):
    """A socket of this process, as `LocalSockets` sees it."""

    socket_id: str
    opened_at: datetime
    device: str

    @property
    def identity(self) -> Identity:
        """The socket's user, and until when the socket may live."""

    def close_superseded(self) -> None:
        """Close, because a newer socket takes its place."""

    def close_by_user(self) -> None:
        """Close, because its user says so from another socket or over HTTP."""

    def close_revoked(self) -> None:
        """Close, because its session has ended."""

    def announce_restart(self, reconnect_after_ms: int) -> None:
        """Tell the client that the process ends and when to reconnect; `close_for_restart` follows."""

    def close_for_restart(self) -> None:
        """Close, because the process ends."""


class SocketRegistry(Protocol):
    """Holds the authenticated sockets of a process."""

    async def admit(self, socket: LocalSocket, /) -> None:
        """Add the socket, superseding the user's oldest ones above the limit. One released meanwhile stays out."""

    async def refresh(self, socket: LocalSocket, /) -> None:
        """Record the socket's new expiry."""

    def release(self, socket: LocalSocket, /) -> None:
        """Remove the socket; also harmless for one that was never admitted."""


@dataclass(frozen=True, slots=True)
class SocketDependencies:
    """What all sockets of a process share, and their limits."""

    executor: Executor
    authenticator: Authenticator
    registry: SocketRegistry
    limits: SocketLimits
