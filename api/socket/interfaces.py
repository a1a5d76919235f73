"""What a socket needs from outside, each thing as a protocol, so that the state machine can be tested without it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from api.socket.close_codes import CloseCode
from api.socket.limits import SocketLimits
from auth.identity import Identity
from schema.context import Context
from schema.execution import OperationRequest, PreparedOperation
from schema.live.outlet import LiveOperation, Outlet


class FrameWriter(Protocol):
    """Writes frames to one client. Nothing here raises; after `close` nothing more is sent."""

    @property
    def backlog(self) -> int:
        """Characters that the server program has not taken yet; 0 when it takes all at once."""

    def send_text(self, text: str) -> None:
        """Send one text frame, in order."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket; `reason` is at most 123 bytes of UTF-8."""

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever a backlog is gone."""


class Executor(Protocol):
    """Prepares and runs operations: the module `schema.execution`."""

    async def prepare(self, request: OperationRequest, /) -> PreparedOperation:
        """Resolve a persisted document, parse and validate. Raises RequestRefused."""

    async def execute(self, prepared: PreparedOperation, context: Context, /) -> bytes:
        """Run a query or a mutation; returns the JSON of its result. Raises RequestRefused."""

    async def subscribe(
        self, prepared: PreparedOperation, context: Context, outlet: Outlet, /
    ) -> LiveOperation:
        """Start a feed that writes to `outlet`. Raises RequestRefused."""


class Authenticator(Protocol):
    """Checks credentials: the functions of `auth`. Each raises ParlorError for a credential that it refuses."""

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
        """Whose socket it is, and until when."""

    def supersede(self) -> None:
        """Another socket takes its place."""

    def close_by_user(self) -> None:
        """Its user closes it from elsewhere."""

    def revoke(self) -> None:
        """Its session has ended."""

    def announce_restart(self, reconnect_after_ms: int) -> None:
        """The process is about to end; `restart` follows."""

    def restart(self) -> None:
        """The process ends."""


class SocketDirectory(Protocol):
    """Where an authenticated socket is entered, and taken out at its end."""

    async def admit(self, socket: LocalSocket, /) -> None:
        """Enter the socket, superseding the user's oldest ones above the bound. Released meanwhile, it stays out."""

    async def refresh(self, socket: LocalSocket, /) -> None:
        """Write the socket's new expiry."""

    def release(self, socket: LocalSocket, /) -> None:
        """Forget the socket; also when it was never admitted."""


@dataclass(frozen=True, slots=True)
class SocketDependencies:
    """What all sockets of a process share, and their bounds."""

    executor: Executor
    authenticator: Authenticator
    directory: SocketDirectory
    limits: SocketLimits
