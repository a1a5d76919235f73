"""The state machine of one socket: graphql-transport-ws, and the identity that lives on it.

It knows no socket library and no server. The consumer tells it what came in (`opened`, `text`, `binary`, `closed`);
what goes out leaves through a `FrameWriter`. None of these methods raises or blocks. All run on the loop's thread.
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
from api.socket.operation import errors_of
from api.socket.operation_table import OperationTable
from api.socket.timers import SocketTimers
from api.socket.token_bucket import TokenBucket
from auth.identity import Identity
from foundation.errors import ErrorCode, ParlorError
from schema.context import Context
from schema.errors import log_masked
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
        "_bucket",
        "_check",
        "_client_address",
        "_dependencies",
        "_handshake",
        "_identity",
        "_limits",
        "_loop",
        "_outbox",
        "_state",
        "_timers",
        "_watchers",
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
        self._check: asyncio.Task[None] | None = None
        self._watchers: tuple[Callable[[Notice], None], ...] = ()
        self._bucket = TokenBucket(limits.max_frames_per_second, limits.max_frame_burst, loop.time())
        self._outbox = Outbox(writer, limits, self._too_slow, loop)
        self.operations = OperationTable(self, dependencies.executor, self._outbox, limits)
        self._timers = SocketTimers(self, limits.keep_alive_seconds, limits.token_expiry_notice_seconds, loop)

    # --- What the consumer tells

    def opened(self, subprotocol: str | None) -> None:
        """The handshake was accepted, with this subprotocol."""
        if subprotocol != SUBPROTOCOL:
            self.close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE)
            return
        self._timers.start()
        self._timers.await_initialisation(self._limits.connection_init_timeout_seconds)

    def text(self, data: str) -> None:
        """A text frame came."""
        if self._state is _State.CLOSED:
            return
        self._timers.heard()
        try:
            self._handle(frames.decode_frame(data, self._limits.max_frame_bytes))
        except FrameError as error:
            self.close(error.code, error.reason)
        except Exception as error:
            self.close(CloseCode.INTERNAL, f"Internal server error, errorId {log_masked(error)}.")

    def binary(self, _data: bytes) -> None:
        """A binary frame came: the protocol has none."""
        self.close(CloseCode.BAD_REQUEST, "Invalid message: a binary frame.")

    def closed(self) -> None:
        """The socket is gone, whoever closed it. Called once, at the end; calls after `close` are harmless."""
        if self._state is not _State.CLOSED:
            self._release()

    @property
    def identity(self) -> Identity:
        """Whose socket it is. Only an acknowledged connection has one."""
        if self._identity is None:
            raise RuntimeError("The connection is not acknowledged.")
        return self._identity

    def context(self) -> Context:
        """The surroundings of one more operation on this socket."""
        return Context(self._identity, self, self._client_address, self.device)

    def close(self, code: CloseCode, reason: str | None = None) -> None:
        """End all operations in silence and close the socket."""
        if self._state is _State.CLOSED:
            return
        self._release()
        self._writer.close(code, cut_reason(reason or code.meaning))

    def watch(self, listener: Callable[[Notice], None]) -> Callable[[], None]:
        """Have `listener` told of what concerns the socket itself; call the answer to end that."""
        self._watchers += (listener,)
        return partial(self._unwatch, listener)

    async def renew(self, identity: Identity) -> None:
        """Live as long as `identity`, a newer token of the same user. Raises FORBIDDEN for another user's."""
        if identity.user_id != self.identity.user_id:
            raise ParlorError(ErrorCode.FORBIDDEN, "This socket belongs to another user.")
        self._identity = identity
        if self._state is _State.READY:
            self._timers.live_until(identity.expires_at)
            await self._dependencies.directory.refresh(self)

    def supersede(self) -> None:
        """Another socket takes its place."""
        self._leave(CloseCode.SUPERSEDED, "Superseded by a newer socket.", NoticeReason.SUPERSEDED)

    def close_by_user(self) -> None:
        """Its user closes it from another socket or over HTTP."""
        self._leave(CloseCode.SUPERSEDED, "Closed by its user.", NoticeReason.SIGNED_OUT)

    def revoke(self) -> None:
        """Its session has ended: logout, another password, a ban."""
        self._leave(CloseCode.FORBIDDEN, "Forbidden: signed out.", NoticeReason.SIGNED_OUT)

    def announce_restart(self, reconnect_after_ms: int) -> None:
        """The process is about to end; `restart` follows."""
        self._notify(ClosingNotice(NoticeReason.RESTARTING, reconnect_after_ms))

    def restart(self) -> None:
        """Close, because the process ends."""
        self.close(CloseCode.RESTARTING)

    def _handle(self, frame: frames.ClientFrame) -> None:
        match frame:
            case Subscribe():
                self._subscribe(frame)
            case Complete():
                if not self.operations.complete(frame.id):
                    self._charge()
            case Pong():
                if not self._outbox.pong():
                    self._charge()
            case Ping():
                self._charge()
                text = frames.pong_frame(frame)
                self._outbox.send(text, len(text))
            case ConnectionInit():
                self._initialise(frame)

    def _charge(self) -> None:
        """Count a frame that no operation can answer for, so that a flood of them ends the socket."""
        if not self._bucket.take(self._loop.time()):
            raise FrameError(CloseCode.TOO_MANY_FRAMES, CloseCode.TOO_MANY_FRAMES.meaning)

    def _subscribe(self, frame: Subscribe) -> None:
        if self._state is not _State.READY:
            raise FrameError(CloseCode.UNAUTHORIZED, CloseCode.UNAUTHORIZED.meaning)
        self.operations.check_free(frame.id)
        if self._bucket.take(self._loop.time()):
            self.operations.start(frame)
        else:
            ms = max(1, round(self._bucket.wait_seconds() * 1000))
            refusal = ParlorError(ErrorCode.RATE_LIMITED, "Too many frames on this socket.", retryAfterMs=ms)
            self.operations.refuse(frame.id, errors_of(refusal))

    # --- Identity

    def _initialise(self, frame: ConnectionInit) -> None:
        if self._state is not _State.WAITING:
            raise FrameError(CloseCode.TOO_MANY_INIT_REQUESTS, CloseCode.TOO_MANY_INIT_REQUESTS.meaning)
        self._state = _State.CHECKING
        self._timers.await_initialisation(self._limits.connection_init_timeout_seconds)
        self._check = self._loop.create_task(self._check_identity(frame))

    async def _check_identity(self, frame: ConnectionInit) -> None:
        assert self._handshake is not None
        try:
            self._identity = await identify(frame.payload, self._handshake, self._dependencies.authenticator)
        except ParlorError as error:
            self.close(CloseCode.FORBIDDEN, f"Forbidden: {error.message}")
        except Exception as error:
            self.close(CloseCode.FORBIDDEN, f"Forbidden, errorId {log_masked(error)}.")
        else:
            # Not cancelled any more: a socket that closes meanwhile must leave the registry after it has entered.
            self._timers.await_initialisation(None)
            await self._enter(self._identity)
        finally:
            # A finished task, its coroutine and the handshake take 0.6 kB, for as long as the socket lives.
            self._check = self._handshake = None

    async def _enter(self, identity: Identity) -> None:
        if self._is_closed():
            return
        try:
            await self._dependencies.directory.admit(self)
            if self._is_closed():
                return
            self._state = _State.READY
            self._outbox.send(frames.ACK, len(frames.ACK))
            self._timers.live_until(identity.expires_at)
            # A revocation between the first check and the entry into the registry has told this socket nothing.
            await self._dependencies.authenticator.require_current(identity)
        except ParlorError:
            self.revoke()
        except Exception as error:
            self.close(CloseCode.INTERNAL, f"Internal server error, errorId {log_masked(error)}.")

    # --- What the clock tells

    def uninitialised(self) -> None:
        """The client has sent no credential in time, or it could not be checked in time."""
        if self._check is None:
            self.close(CloseCode.CONNECTION_INIT_TIMEOUT)
        else:
            self._check.cancel()
            self.close(CloseCode.OVERLOADED)

    def beat(self) -> None:
        """A ping is due."""
        self._outbox.ping(frames.PING)

    def silent(self) -> None:
        """The client does not answer."""
        self.close(CloseCode.UNRESPONSIVE)

    def expiring(self, expires_at: datetime) -> None:
        """The client had better log in again."""
        stamp = expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        self._outbox.ping(frames.ping_frame({"reauthenticate": {"expiresAt": stamp}}))
        self._notify(TokenExpiry(expires_at))

    def expired(self) -> None:
        """It has not."""
        self._leave(CloseCode.FORBIDDEN, "Forbidden: the access token has expired.", NoticeReason.SIGNED_OUT)

    # --- Ends

    def _too_slow(self) -> None:
        self._leave(CloseCode.SLOW_CONSUMER, None, NoticeReason.SLOW_CONSUMER)

    def _leave(self, code: CloseCode, reason: str | None, notice: NoticeReason) -> None:
        if self._state is not _State.CLOSED:
            self._notify(ClosingNotice(notice))
            self.close(code, reason)

    def _notify(self, notice: Notice) -> None:
        for listener in self._watchers:
            try:
                listener(notice)
            except Exception as error:
                log_masked(error)

    def _unwatch(self, listener: Callable[[Notice], None]) -> None:
        self._watchers = tuple(one for one in self._watchers if one is not listener)

    def _is_closed(self) -> bool:
        return self._state is _State.CLOSED

    def _release(self) -> None:
        self._state = _State.CLOSED
        self._timers.stop()
        self._outbox.stop()
        self.operations.stop_all()
        self._watchers = ()
        self._dependencies.directory.release(self)
