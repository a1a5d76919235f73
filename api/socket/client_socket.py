"""The state machine of one socket: graphql-transport-ws, and the identity that the socket lives on.

It knows no socket library and no server. The consumer calls it with what comes in (`on_accept`, `on_text`, `on_binary`,
`on_disconnect`); frames go out through a `FrameWriter`. No method raises or blocks, but for `renew`. All run on the
loop's thread.
"""

import asyncio
import enum
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from api.socket import frames
from api.socket.close_codes import CloseCode, cut_reason
from api.socket.credentials import Handshake, identify
from api.socket.flow_control import Outbox
from api.socket.frames import Complete, ConnectionInit, FrameError, Ping, Pong, Subscribe
from api.socket.interfaces import FrameWriter, SocketDependencies
from api.socket.operation_table import OperationTable
from api.socket.timers import SocketTimers
from api.socket.token_bucket import TokenBucket
from auth.identity import Identity
from foundation.errors import ErrorCode, ParlorError
from schema.context import Context
from schema.errors import errors_of, log_masked
from schema.socket_notices import ClosingNotice, Notice, NoticeReason, TokenExpiry

SUBPROTOCOL = "graphql-transport-ws"


class _State(enum.Enum):
    WAITING = enum.auto()  # for connection_init
    CHECKING = enum.auto()  # the credential
    READY = enum.auto()
    CLOSED = enum.auto()


class ClientSocket:
    """One client's socket, from the accepted handshake to its end."""

    __slots__ = (
        "__weakref__",
        "_client_address",
        "_dependencies",
        "_frame_bucket",
        "_handshake",
        "_identity",
        "_identity_check",
        "_limits",
        "_loop",
        "_notice_listeners",
        "_outbox",
        "_state",
        "_timers",
        "_writer",
        "device",
        "opened_at",
        "operations",
        "socket_id",
    )

    def __init__(self, writer: FrameWriter, dependencies: SocketDependencies, handshake: Handshake) -> None:
        limits = dependencies.limits
        loop = asyncio.get_running_loop()
        self.socket_id = uuid.uuid4().hex
        self.opened_at = datetime.now(UTC)
        self.device = handshake.device
        self._handshake: Handshake | None = handshake
        self._client_address = handshake.client_address
        self._writer = writer
        self._dependencies = dependencies
        self._limits = limits
        self._loop = loop
        self._state = _State.WAITING
        self._identity: Identity | None = None
        self._identity_check: asyncio.Task[None] | None = None
        self._notice_listeners: tuple[Callable[[Notice], None], ...] = ()
        self._frame_bucket = TokenBucket(limits.max_frames_per_second, limits.max_frame_burst, loop.time())
        self._outbox = Outbox(writer, limits, self._on_slow_consumer, loop)
        self.operations = OperationTable(dependencies.executor, self._outbox, limits)
        self._timers = SocketTimers(self, limits.keep_alive_seconds, limits.token_expiry_notice_seconds, loop)

    # --- Called by the consumer

    def on_accept(self, subprotocol: str | None) -> None:
        """The handshake was accepted, with this subprotocol."""
        if subprotocol != SUBPROTOCOL:
            self.close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE)
            return
        self._timers.start()
        self._timers.set_init_timeout(self._limits.connection_init_timeout_seconds)

    def on_text(self, data: str) -> None:
        """A text frame came."""
        if self._state is _State.CLOSED:
            return
        self._timers.on_frame_received()
        try:
            self._handle_frame(frames.decode_frame(data, self._limits.max_frame_bytes))
        except FrameError as error:
            self.close(error.code, error.reason)
        except Exception as error:
            self.close(CloseCode.INTERNAL, f"Internal server error, errorId {log_masked(error)}.")

    def on_binary(self, _data: bytes) -> None:
        """A binary frame came: the protocol has none."""
        self.close(CloseCode.BAD_REQUEST, "Invalid message: a binary frame.")

    def on_disconnect(self) -> None:
        """The socket is gone, from either side. Called once, at the end; harmless after `close`."""
        if self._state is not _State.CLOSED:
            self._tear_down()

    # --- SocketHandle, for resolvers

    @property
    def identity(self) -> Identity:
        """The socket's user. Only an acknowledged socket has one."""
        if self._identity is None:
            raise RuntimeError("The socket is not acknowledged.")
        return self._identity

    def watch(self, listener: Callable[[Notice], None]) -> Callable[[], None]:
        """Call `listener` with each notice about the socket itself; the returned function ends that."""
        self._notice_listeners += (listener,)
        return partial(self._unwatch, listener)

    async def renew(self, identity: Identity) -> None:
        """Live as long as `identity`, a newer token of the same user. Raises FORBIDDEN for another user's."""
        if identity.user_id != self.identity.user_id:
            raise ParlorError(ErrorCode.FORBIDDEN, "This socket belongs to another user.")
        self._identity = identity
        if self._state is _State.READY:
            self._timers.set_token_expiry(identity.expires_at)
            await self._dependencies.registry.refresh(self)

    # --- LocalSocket, for the registry

    def close_superseded(self) -> None:
        """Close, because a newer socket takes its place."""
        self._notify_and_close(CloseCode.SUPERSEDED, "Superseded by a newer socket.", NoticeReason.SUPERSEDED)

    def close_by_user(self) -> None:
        """Close, because its user says so from another socket or over HTTP."""
        self._notify_and_close(CloseCode.SUPERSEDED, "Closed by its user.", NoticeReason.SIGNED_OUT)

    def close_revoked(self) -> None:
        """Close, because its session has ended: a logout, a new password, a deactivated account."""
        self._notify_and_close(CloseCode.FORBIDDEN, "Forbidden: signed out.", NoticeReason.SIGNED_OUT)

    def announce_restart(self, reconnect_after_ms: int) -> None:
        """Tell the client that the process ends and when to reconnect; `close_for_restart` follows."""
        self._notify(ClosingNotice(NoticeReason.RESTARTING, reconnect_after_ms))

    def close_for_restart(self) -> None:
        """Close, because the process ends."""
        self.close(CloseCode.RESTARTING)

    # --- Frames

    def _handle_frame(self, frame: frames.ClientFrame) -> None:
        match frame:
            case Subscribe():
                self._subscribe(frame)
            case Complete():
                if not self.operations.complete(frame.id):
                    self._charge_frame()
            case Pong():
                if not self._outbox.pong():
                    self._charge_frame()
            case Ping():
                self._charge_frame()
                text = frames.pong_frame(frame)
                self._outbox.send(text, len(text))
            case ConnectionInit():
                self._initialise(frame)

    def _charge_frame(self) -> None:
        """Count a frame that no operation can be refused for, so that a flood of such frames ends the socket."""
        if not self._frame_bucket.take(self._loop.time()):
            raise FrameError(CloseCode.TOO_MANY_FRAMES, CloseCode.TOO_MANY_FRAMES.meaning)

    def _subscribe(self, frame: Subscribe) -> None:
        if self._state is not _State.READY:
            raise FrameError(CloseCode.UNAUTHORIZED, CloseCode.UNAUTHORIZED.meaning)
        self.operations.check_free(frame.id)
        if self._frame_bucket.take(self._loop.time()):
            context = Context(self._identity, self, self._client_address, self.device)
            self.operations.start(frame, context)
        else:
            ms = max(1, round(self._frame_bucket.wait_seconds() * 1000))
            refusal = ParlorError(ErrorCode.RATE_LIMITED, "Too many frames on this socket.", retryAfterMs=ms)
            self.operations.refuse(frame.id, errors_of(refusal))

    # --- Identity

    def _initialise(self, frame: ConnectionInit) -> None:
        if self._state is not _State.WAITING:
            raise FrameError(CloseCode.TOO_MANY_INIT_REQUESTS, CloseCode.TOO_MANY_INIT_REQUESTS.meaning)
        self._state = _State.CHECKING
        self._timers.set_init_timeout(self._limits.connection_init_timeout_seconds)
        self._identity_check = self._loop.create_task(self._check_identity(frame))

    async def _check_identity(self, frame: ConnectionInit) -> None:
        assert self._handshake is not None
        try:
            self._identity = await identify(frame.payload, self._handshake, self._dependencies.authenticator)
        except ParlorError as error:
            self.close(CloseCode.FORBIDDEN, f"Forbidden: {error.message}")
        except Exception as error:
            self.close(CloseCode.FORBIDDEN, f"Forbidden, errorId {log_masked(error)}.")
        else:
            # Not to be cancelled from here on: a socket that closes meanwhile must be released after it was admitted.
            self._timers.set_init_timeout(None)
            await self._admit(self._identity)
        finally:
            # A finished task, its coroutine and the handshake take 0.6 kB, for as long as the socket lives.
            self._identity_check = self._handshake = None

    async def _admit(self, identity: Identity) -> None:
        if self._is_closed():
            return
        try:
            await self._dependencies.registry.admit(self)
            if self._is_closed():
                return
            self._state = _State.READY
            self._outbox.send(frames.ACK, len(frames.ACK))
            self._timers.set_token_expiry(identity.expires_at)
            # A revocation between the first check and the admission has not reached this socket.
            await self._dependencies.authenticator.require_current(identity)
        except ParlorError:
            self.close_revoked()
        except Exception as error:
            self.close(CloseCode.INTERNAL, f"Internal server error, errorId {log_masked(error)}.")

    # --- TimerEvents

    def on_init_timeout(self) -> None:
        """Close: the client has sent no credential in time, or it could not be checked in time."""
        if self._identity_check is None:
            self.close(CloseCode.CONNECTION_INIT_TIMEOUT)
        else:
            self._identity_check.cancel()
            self.close(CloseCode.OVERLOADED)

    def on_ping_due(self) -> None:
        """Send a keep-alive ping."""
        self._outbox.ping(frames.PING)

    def on_unresponsive(self) -> None:
        """Close: the client does not answer."""
        self.close(CloseCode.UNRESPONSIVE)

    def on_token_expiring(self, expires_at: datetime) -> None:
        """Ask the client for a newer token."""
        stamp = expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        self._outbox.ping(frames.ping_frame({"reauthenticate": {"expiresAt": stamp}}))
        self._notify(TokenExpiry(expires_at))

    def on_token_expired(self) -> None:
        """Close: the client has sent no newer token."""
        self._notify_and_close(
            CloseCode.FORBIDDEN, "Forbidden: the access token has expired.", NoticeReason.SIGNED_OUT
        )

    # --- Ends

    def close(self, code: CloseCode, reason: str | None = None) -> None:
        """End all operations without a frame and close the socket."""
        if self._state is _State.CLOSED:
            return
        self._tear_down()
        self._writer.close(code, cut_reason(reason or code.meaning))

    def _on_slow_consumer(self) -> None:
        self._notify_and_close(CloseCode.SLOW_CONSUMER, None, NoticeReason.SLOW_CONSUMER)

    def _notify_and_close(self, code: CloseCode, reason: str | None, notice: NoticeReason) -> None:
        if self._state is not _State.CLOSED:
            self._notify(ClosingNotice(notice))
            self.close(code, reason)

    def _notify(self, notice: Notice) -> None:
        for listener in self._notice_listeners:
            try:
                listener(notice)
            except Exception as error:
                log_masked(error)

    def _unwatch(self, listener: Callable[[Notice], None]) -> None:
        self._notice_listeners = tuple(one for one in self._notice_listeners if one is not listener)

    def _is_closed(self) -> bool:
        return self._state is _State.CLOSED

    def _tear_down(self) -> None:
        self._state = _State.CLOSED
        self._timers.stop()
        self._outbox.stop()
        self.operations.abandon_all()
        self._notice_listeners = ()
        self._dependencies.registry.release(self)
