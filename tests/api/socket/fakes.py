"""The outside of a state machine, made by hand: a wire that remembers, operations that do as told, a registry."""

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
from auth.identity import Identity
from foundation.errors import ErrorCode, ParlorError
from schema.context import Context
from schema.errors import RequestRefused
from schema.execution import OperationRequest, PreparedOperation
from schema.live.outlet import LiveOperation, Outlet

Frame = dict[str, Any]

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
    """Somebody whose token lives `seconds` more."""
    now = datetime.now(UTC)
    return Identity(user_id, session_id, "token", now + timedelta(seconds=seconds), now)


class FakeWire:
    """Remembers what was sent."""

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
        """Have `callback` called when a backlog is gone."""
        self.drained = callback

    @property
    def code(self) -> int | None:
        """The code that the socket was closed with."""
        return self.closed[0] if self.closed else None

    def of(self, operation_id: str) -> list[Frame]:
        """The frames of one operation."""
        return [frame for frame in self.frames if frame.get("id") == operation_id]

    def types(self) -> list[str]:
        """The types of all frames, without the server's pings."""
        return [one["type"] for one in self.frames if one["type"] != "ping"]

    async def until(self, check: Callable[["FakeWire"], object]) -> None:
        """Wait until `check` is true of the wire."""
        async with asyncio.timeout(30):
            while not check(self):
                self._changed.clear()
                await self._changed.wait()

    async def until_closed(self) -> tuple[int, str]:
        """Wait for the close, and return it."""
        await self.until(lambda wire: wire.closed)
        assert self.closed is not None
        return int(self.closed[0]), self.closed[1]


@dataclass
class FakePrepared:
    """As much of a prepared operation as the machine reads."""

    kind: str
    request: OperationRequest


class FakeLive:
    """A running feed in the test's hands."""

    def __init__(self, outlet: Outlet, context: Context) -> None:
        self.outlet = outlet
        self.context = context
        self.resumed = 0
        self.stopped = 0
        self.on_resume: Callable[[], None] = lambda: None

    def resume(self) -> None:
        """The outlet is open again."""
        self.resumed += 1
        self.on_resume()

    def stop(self) -> None:
        """The client has left."""
        self.stopped += 1


class FakeOperations:
    """Runs documents by their words.

    `query`, `mutation` answer at once; `slow query`, `slow mutation` when the test sets `go`; `subscription` starts a
    FakeLive; `refused`, `broken`, `failing` (before or after preparation) go wrong.
    """

    def __init__(self) -> None:
        self.feeds: list[FakeLive] = []
        self.go = asyncio.Event()
        self.started = asyncio.Event()
        self.finished: list[str] = []
        self.contexts: list[Context] = []

    async def prepare(self, request: OperationRequest) -> PreparedOperation:
        """Parse."""
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
        """Start a feed."""
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


class FakeGate:
    """Lets in `good`, and whoever has `ticket`; raises for `broken`, never answers for `stuck`."""

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
        """Return if the identity is not revoked."""
        del identity
        if self.revoked:
            raise ParlorError(ErrorCode.UNAUTHENTICATED, "Signed out.")


class FakeSockets:
    """A registry that remembers."""

    def __init__(self) -> None:
        self.present: list[LocalSocket] = []
        self.refreshed = 0
        self.broken = False

    async def admit(self, socket: LocalSocket) -> None:
        """Enter the socket."""
        await asyncio.sleep(0)
        if self.broken:
            raise ZeroDivisionError("secret")
        self.present.append(socket)

    async def refresh(self, socket: LocalSocket) -> None:
        """Write the socket's new expiry."""
        del socket
        self.refreshed += 1

    def release(self, socket: LocalSocket) -> None:
        """Forget the socket."""
        if socket in self.present:
            self.present.remove(socket)


@dataclass
class Bench:
    """A state machine with its outside."""

    limits: SocketLimits = LIMITS
    handshake: Handshake = field(default_factory=Handshake)
    wire: FakeWire = field(default_factory=FakeWire)
    operations: FakeOperations = field(default_factory=FakeOperations)
    gate: FakeGate = field(default_factory=FakeGate)
    sockets: FakeSockets = field(default_factory=FakeSockets)

    def __post_init__(self) -> None:
        services = SocketDependencies(self.operations, self.gate, self.sockets, self.limits)
        self.connection = ClientSocket(self.wire, services, self.handshake)
        self.connection.opened(SUBPROTOCOL)

    def send(self, *frames: object) -> None:
        """The client's frames, one right after the other."""
        for frame in frames:
            self.connection.text(frame if isinstance(frame, str) else json.dumps(frame))

    def subscribe(self, query: str, operation_id: str = "1", **payload: Any) -> None:
        """A subscribe frame."""
        self.send({"id": operation_id, "type": "subscribe", "payload": {"query": query, **payload}})

    def pong(self) -> None:
        """A pong frame."""
        self.send({"type": "pong"})

    async def ready(self) -> "Bench":
        """Go as far as connection_ack."""
        self.send({"type": "connection_init", "payload": {"Authorization": "Bearer good"}})
        await self.wire.until(lambda wire: wire.frames)
        assert self.wire.frames.pop() == {"type": "connection_ack"}
        return self

    async def feed(self, operation_id: str = "1") -> FakeLive:
        """Start a feed and wait until it runs."""
        count = len(self.operations.feeds)
        self.subscribe("subscription", operation_id)
        await turns(lambda: len(self.operations.feeds) > count)
        await asyncio.sleep(0)  # the operation takes hold of the feed
        return self.operations.feeds[-1]


def bench(handshake: Handshake | None = None, **limits: float) -> Bench:
    """A machine whose handshake is done, with some limits changed."""
    return Bench(replace(LIMITS, **limits), handshake or Handshake())  # type: ignore[arg-type]  # ints and floats


async def turns(check: Callable[[], object], most: int = 1000) -> None:
    """Let the loop go round until `check` is true: for what happens without a frame."""
    for _ in range(most):
        if check():
            return
        await asyncio.sleep(0)
    raise AssertionError("nothing happened")
