"""Stand-ins for everything around a socket's state machine, and a `Bench` that puts them together."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from api.socket.client_socket import SUBPROTOCOL, ClientSocket
from api.socket.close_codes import CloseCode
from api.socket.credentials import Handshake
from api.socket.interfaces import LocalSocket, SocketDependencies
from api.socket.limits import SocketLimits
from api.socket.operation_table import wait_for_operations
from auth.identity import Identity
from foundation.errors import ErrorCode, ParlorError
from schema.context import Context
from schema.errors import RequestRefused
from schema.execution import OperationRequest, PreparedOperation
from schema.live.outlet import LiveOperation, Outlet

Frame = dict[str, Any]

# Whether a client reconnects after each close code.
RETRY = {int(code): code.retry for code in CloseCode}

LIMITS = SocketLimits(
    connection_init_timeout_seconds=5,
    keep_alive_seconds=5,
    max_frame_bytes=65_536,
    max_frames_per_second=1000,
    max_frame_burst=1000,
    max_feeds=5,
    max_running_operations=3,
    flow_ping_bytes=1000,
    send_window_bytes=4000,
    max_unsent_bytes=20_000,
    slow_consumer_seconds=5,
    token_expiry_notice_seconds=60,
)


def identity(user_id: int = 1, seconds: float = 3600, session_id: str = "session") -> Identity:
    """An identity whose token expires in `seconds`."""
    now = datetime.now(UTC)
    return Identity(user_id, session_id, "token", now + timedelta(seconds=seconds), now)


class FakeFrameWriter:
    """Records the frames and the close."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed: tuple[CloseCode, str] | None = None
        self.backlog = 0
        self.drained: Callable[[], None] = lambda: None
        self._changed = asyncio.Event()

    def send_text(self, text: str) -> None:
        """Send one text frame."""
        assert self.closed is None, "a frame after the close"
        self.frames.append(json.loads(text))
        self._changed.set()

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket."""
        assert self.closed is None, "closed twice"
        assert len(reason.encode()) <= 123
        self.closed = (code, reason)
        self._changed.set()

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Keep the callback for the test to call."""
        self.drained = callback

    @property
    def code(self) -> int | None:
        """The code of the close; None while the socket is open."""
        return self.closed[0] if self.closed else None

    def of(self, operation_id: str) -> list[Frame]:
        """The frames of one operation."""
        return [frame for frame in self.frames if frame.get("id") == operation_id]

    def types(self) -> list[str]:
        """The types of all frames, without the server's pings."""
        return [one["type"] for one in self.frames if one["type"] != "ping"]

    async def until(self, check: Callable[["FakeFrameWriter"], object]) -> None:
        """Wait until `check(self)` is true."""
        async with asyncio.timeout(30):
            while not check(self):
                self._changed.clear()
                await self._changed.wait()

    async def until_closed(self) -> tuple[int, str]:
        """Wait for the close, and return it."""
        await self.until(lambda writer: writer.closed)
        assert self.closed is not None
        return int(self.closed[0]), self.closed[1]


@dataclass
class FakePrepared:
    """The parts of a prepared operation that the state machine reads."""

    kind: str
    request: OperationRequest


class FakeLive:
    """A live operation that the test drives."""

    def __init__(self, outlet: Outlet, context: Context) -> None:
        self.outlet = outlet
        self.context = context
        self.resumed = 0
        self.stopped = 0
        self.on_resume: Callable[[], None] = lambda: None

    def resume(self) -> None:
        """Count the call."""
        self.resumed += 1
        self.on_resume()

    def stop(self) -> None:
        """Count the call."""
        self.stopped += 1


class FakeExecutor:
    """Executes documents made of words.

    `query` and `mutation` answer at once, `slow query` and `slow mutation` when the test sets `go`; `subscription`
    starts a FakeLive; `refused` and `broken` fail in preparation, `failing` after it.
    """

    def __init__(self) -> None:
        self.feeds: list[FakeLive] = []
        self.go = asyncio.Event()
        self.started = asyncio.Event()
        self.finished: list[str] = []
        self.contexts: list[Context] = []

    async def prepare(self, request: OperationRequest) -> PreparedOperation:
        """Read the words."""
        words = (request.query or "").split()
        if not words or words[0] == "refused":
            raise RequestRefused([{"message": "Syntax", "extensions": {"code": "BAD_INPUT"}}])
        if words[0] == "broken":
            raise ZeroDivisionError("secret")
        kind = next((word for word in words if word in ("query", "mutation", "subscription")), "query")
        return cast(PreparedOperation, FakePrepared(kind, request))

    async def execute(self, prepared: PreparedOperation, context: Context) -> bytes:
        """Answer with the document."""
        self.contexts.append(context)
        query = prepared.request.query or ""
        if "failing" in query:
            raise ZeroDivisionError("secret")
        if "cancelled" in query:
            raise asyncio.CancelledError
        if "forbidden" in query:
            raise ParlorError(ErrorCode.FORBIDDEN, "Not you.", field="x")
        self.started.set()
        if "slow" in query:
            await self.go.wait()
        self.finished.append(query)
        return json.dumps({"data": query}).encode()

    async def subscribe(self, prepared: PreparedOperation, context: Context, outlet: Outlet) -> LiveOperation:
        """Start a FakeLive."""
        query = prepared.request.query or ""
        if "failing" in query:
            raise ZeroDivisionError("secret")
        self.started.set()
        if "slow" in query:
            await self.go.wait()
        live = FakeLive(outlet, context)
        self.feeds.append(live)
        if "ended" in query:
            outlet.complete()
        return live


class FakeAuthenticator:
    """Accepts the token `good` and the ticket `ticket`; raises for `broken`, never answers for `stuck`."""

    def __init__(self) -> None:
        self.identity = identity()
        self.go = asyncio.Event()
        self.go.set()
        self.seen: list[tuple[str, str]] = []
        self.revoked = False

    async def authenticate(self, access_token: str) -> Identity:
        """The identity of an access token."""
        self.seen.append(("token", access_token))
        await self.go.wait()
        if access_token == "stuck":
            await asyncio.Event().wait()
        if access_token == "broken":
            raise ZeroDivisionError("secret")
        if access_token != "good":
            raise ParlorError(ErrorCode.UNAUTHENTICATED, "The access token is not valid.")
        return self.identity

    async def redeem_ticket(self, ticket: str) -> Identity:
        """The identity of a ticket."""
        self.seen.append(("ticket", ticket))
        if ticket != "ticket":
            raise ParlorError(ErrorCode.UNAUTHENTICATED, "The ticket is not valid.")
        return self.identity

    async def require_current(self, identity: Identity) -> None:
        """Raise if the test has set `revoked`."""
        del identity
        if self.revoked:
            raise ParlorError(ErrorCode.UNAUTHENTICATED, "Signed out.")


class FakeRegistry:
    """Records the admitted sockets."""

    def __init__(self) -> None:
        self.admitted: list[LocalSocket] = []
        self.refreshed = 0
        self.broken = False

    async def admit(self, socket: LocalSocket) -> None:
        """Add the socket, or fail if `broken`."""
        await asyncio.sleep(0)
        if self.broken:
            raise ZeroDivisionError("secret")
        self.admitted.append(socket)

    async def refresh(self, socket: LocalSocket) -> None:
        """Count the call."""
        del socket
        self.refreshed += 1

    def release(self, socket: LocalSocket) -> None:
        """Remove the socket."""
        if socket in self.admitted:
            self.admitted.remove(socket)


@dataclass
class Bench:
    """A socket's state machine and its stand-ins; methods send the client's frames."""

    limits: SocketLimits = LIMITS
    handshake: Handshake = field(default_factory=Handshake)
    writer: FakeFrameWriter = field(default_factory=FakeFrameWriter)
    executor: FakeExecutor = field(default_factory=FakeExecutor)
    authenticator: FakeAuthenticator = field(default_factory=FakeAuthenticator)
    registry: FakeRegistry = field(default_factory=FakeRegistry)

    def __post_init__(self) -> None:
        self.dependencies = SocketDependencies(self.executor, self.authenticator, self.registry, self.limits)
        self.socket = ClientSocket(self.writer, self.dependencies, self.handshake)
        self.socket.on_accept(SUBPROTOCOL)

    @property
    def operation_ids(self) -> set[str]:
        """The ids that are in use."""
        return set(self.socket.operations._by_id)

    def send(self, *frames: object) -> None:
        """Send frames, one right after the other."""
        for frame in frames:
            self.socket.on_text(frame if isinstance(frame, str) else json.dumps(frame))

    def subscribe(self, query: str, operation_id: str = "1", **payload: Any) -> None:
        """Send a subscribe frame."""
        self.send({"id": operation_id, "type": "subscribe", "payload": {"query": query, **payload}})

    def pong(self) -> None:
        """Send a pong frame."""
        self.send({"type": "pong"})

    async def ready(self) -> "Bench":
        """Initialise the connection, up to connection_ack."""
        self.send({"type": "connection_init", "payload": {"Authorization": "Bearer good"}})
        await self.writer.until(lambda writer: writer.frames)
        assert self.writer.frames.pop() == {"type": "connection_ack"}
        return self

    async def feed(self, operation_id: str = "1") -> FakeLive:
        """Start a feed and wait until it runs."""
        count = len(self.executor.feeds)
        self.subscribe("subscription", operation_id)
        await turns(lambda: len(self.executor.feeds) > count)
        await asyncio.sleep(0)  # the operation receives the live operation
        return self.executor.feeds[-1]


def bench(handshake: Handshake | None = None, **limits: float) -> Bench:
    """A bench whose handshake is done, with some limits changed."""
    return Bench(replace(LIMITS, **limits), handshake or Handshake())  # type: ignore[arg-type]  # ints and floats


async def turns(check: Callable[[], object], most: int = 1000) -> None:
    """Let the loop run until `check` is true, for events that send no frame."""
    for _ in range(most):
        if check():
            return
        await asyncio.sleep(0)
    raise AssertionError("the check never became true")


async def operations_ended() -> None:
    """Wait until the tasks of all operations have ended, and the tables have counted them out."""
    await wait_for_operations(30)
    await asyncio.sleep(0)
