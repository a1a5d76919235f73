"""What the state machine stands on: each thing that it needs from outside, as a protocol, and its limits."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings

from api.socket.close_codes import CloseCode
from auth.identity import Identity
from schema.context import Context
from schema.execution import OperationRequest, PreparedOperation
from schema.live.outlet import LiveOperation, Outlet


class Wire(Protocol):
    """The way out to one client. Nothing here raises; after `close` nothing more is sent."""

    @property
    def backlog(self) -> int:
        """Characters that the server program has not taken yet; 0 when it takes all at once."""

    def send_text(self, text: str) -> None:
        """Send one text frame, in order."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket; `reason` is at most 123 bytes of UTF-8."""

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Have `callback` called whenever a backlog is gone."""


class Operations(Protocol):
    """How operations are run: the functions of `schema.execution`."""

    async def prepare(self, request: OperationRequest) -> PreparedOperation:
        """Resolve a persisted document, parse and validate. Raises RequestRefused."""

    async def execute(self, prepared: PreparedOperation, context: Context) -> bytes:
        """Run a query or a mutation; the JSON of its result. Raises RequestRefused."""

    async def subscribe(self, prepared: PreparedOperation, context: Context, outlet: Outlet) -> LiveOperation:
        """Start a feed which writes to `outlet`. Raises RequestRefused."""


class Gate(Protocol):
    """Who may come in: the functions of `auth`. All raise ParlorError for what they refuse."""

    async def authenticate(self, access_token: str) -> Identity:
        """The identity of an access token."""

    async def redeem_ticket(self, ticket: str) -> Identity:
        """The identity of a ticket, which is then used up."""

    async def require_current(self, identity: Identity) -> None:
        """Return if nothing has revoked the identity since."""


class RegisteredSocket(Protocol):
    """A connection as the registry holds it."""

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


class Sockets(Protocol):
    """The registry that an authenticated connection enters and leaves."""

    async def admit(self, socket: RegisteredSocket) -> None:
        """Enter the socket, superseding the user's oldest ones above the bound. Released meanwhile, it stays out."""

    async def refresh(self, socket: RegisteredSocket) -> None:
        """Write the socket's new expiry."""

    def release(self, socket: RegisteredSocket) -> None:
        """Forget the socket; also when it was never admitted."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """The bounds of one socket; the settings of the same names say what each is and its unit."""

    connection_init_timeout_seconds: float
    keep_alive_seconds: float
    max_frame_bytes: int
    max_frames_per_second: int
    max_frame_burst: int
    max_feeds: int
    max_running_operations: int
    flow_ping_bytes: int
    send_window_bytes: int
    max_unsent_bytes: int
    slow_consumer_seconds: float
    token_expiry_notice_seconds: float

    @classmethod
    def from_settings(cls) -> "SocketLimits":
        """The bounds as the environment sets them."""
        return cls(
            connection_init_timeout_seconds=settings.CONNECTION_INIT_TIMEOUT_SECONDS,
            keep_alive_seconds=settings.KEEP_ALIVE_SECONDS,
            max_frame_bytes=settings.MAX_FRAME_BYTES,
            max_frames_per_second=settings.MAX_FRAMES_PER_SECOND,
            max_frame_burst=settings.MAX_FRAME_BURST,
            max_feeds=settings.MAX_FEEDS_PER_SOCKET,
            max_running_operations=settings.MAX_RUNNING_OPERATIONS_PER_SOCKET,
            flow_ping_bytes=settings.FLOW_PING_BYTES,
            send_window_bytes=settings.SEND_WINDOW_BYTES,
            max_unsent_bytes=settings.MAX_UNSENT_BYTES,
            slow_consumer_seconds=settings.SLOW_CONSUMER_SECONDS,
            token_expiry_notice_seconds=settings.TOKEN_EXPIRY_NOTICE_SECONDS,
        )


@dataclass(frozen=True, slots=True)
class Services:
    """The outside of every connection of a process, and their bounds."""

    operations: Operations
    gate: Gate
    sockets: Sockets
    limits: SocketLimits
