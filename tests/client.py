"""A graphql-transport-ws client for tests: it keeps every frame, and each of its waits has a timeout."""

import asyncio
import contextlib
import itertools
import json
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

SUBPROTOCOL = "graphql-transport-ws"
TIMEOUT_SECONDS = 30.0
# The server may still be starting, which takes half a minute on a busy machine.
CONNECT_SECONDS = 120.0

Frame = dict[str, Any]


class SocketClosedError(Exception):
    """The socket closed while the test expected a frame."""

    def __init__(self, code: int | None, reason: str, waiting_for: str) -> None:
        super().__init__(f"closed with {code} {reason!r} while waiting for {waiting_for}")
        self.code = code
        self.reason = reason


class OperationFailedError(Exception):
    """An `error` frame came instead of a `next`."""

    def __init__(self, errors: list[Frame]) -> None:
        super().__init__(json.dumps(errors))
        self.errors = errors

    @property
    def code(self) -> str:
        """`extensions.code` of the first error."""
        return str(self.errors[0].get("extensions", {}).get("code"))


class FrameQueue:
    """Frames in the order of their arrival, until the socket closes."""

    def __init__(self, client: "SocketClient", name: str) -> None:
        self.client = client
        self.name = name
        self.frames: deque[Frame] = deque()
        self._changed = asyncio.Event()

    def put(self, frame: Frame) -> None:
        """Add a frame and wake the waiting `get`."""
        self.frames.append(frame)
        self._changed.set()

    def end(self) -> None:
        """The socket is closed: wake the waiting `get`, which raises SocketClosedError."""
        self._changed.set()

    async def get(self, timeout_seconds: float = TIMEOUT_SECONDS) -> Frame:
        """Return the next frame. Raises SocketClosedError when the socket is closed, TimeoutError when none comes."""
        async with _named_timeout(timeout_seconds, f"a frame of {self.name}"):
            while not self.frames:
                if self.client.close_code is not None:
                    raise SocketClosedError(
                        self.client.close_code, self.client.close_reason, f"a frame of {self.name}"
                    )
                self._changed.clear()
                await self._changed.wait()
        return self.frames.popleft()


class SocketOperation:
    """One operation: the frames that came for its id."""

    def __init__(self, client: "SocketClient", operation_id: str) -> None:
        self.client = client
        self.id = operation_id
        self.queue = FrameQueue(client, f"operation {operation_id!r}")

    async def frame(self, timeout_seconds: float = TIMEOUT_SECONDS) -> Frame:
        """Return the next frame of the operation, of any type."""
        return await self.queue.get(timeout_seconds)

    async def next(self, timeout_seconds: float = TIMEOUT_SECONDS) -> Frame:
        """Return the payload of the next frame, which must be a `next`. Raises OperationFailedError for an `error`."""
        frame = await self.frame(timeout_seconds)
        if frame["type"] == "error":
            raise OperationFailedError(frame["payload"])
        assert frame["type"] == "next", f"expected a next of {self.id!r}, got {frame}"
        payload: Frame = frame["payload"]
        return payload

    async def data(self, timeout_seconds: float = TIMEOUT_SECONDS) -> Frame:
        """Return `data` of the next payload, which must have no errors."""
        payload = await self.next(timeout_seconds)
        assert not payload.get("errors"), payload["errors"]
        data: Frame = payload["data"]
        return data

    async def errors(self, timeout_seconds: float = TIMEOUT_SECONDS) -> list[Frame]:
        """Return the payload of the next frame, which must be an `error`."""
        frame = await self.frame(timeout_seconds)
        assert frame["type"] == "error", f"expected an error of {self.id!r}, got {frame}"
        errors: list[Frame] = frame["payload"]
        return errors

    async def completed(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait for the next frame, which must be a `complete`."""
        frame = await self.frame(timeout_seconds)
        assert frame["type"] == "complete", f"expected a complete of {self.id!r}, got {frame}"

    async def complete(self) -> None:
        """Send `complete`: the client wants no more."""
        await self.client.send({"id": self.id, "type": "complete"})


class SocketClient:
    """One socket. Open it with `SocketClient.connect`; end it with `close` or as an async context manager."""

    def __init__(self, connection: ClientConnection, *, answer_pings: bool) -> None:
        self.connection = connection
        self.answer_pings = answer_pings
        self.close_code: int | None = None
        self.close_reason = ""
        self.frames: list[Frame] = []
        self.control = FrameQueue(self, "the connection")
        self.pings = FrameQueue(self, "the server's pings")
        self._operations: dict[str, SocketOperation] = {}
        self._ids = itertools.count(1)
        self._closed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connect(
        cls,
        url: str,
        token: str | None = None,
        *,
        payload: Frame | None = None,
        ack: bool = True,
        subprotocols: tuple[str, ...] = (SUBPROTOCOL,),
        headers: dict[str, str] | None = None,
        origin: str | None = None,
        answer_pings: bool = True,
        **options: Any,
    ) -> "SocketClient":
        """Open a socket. With `ack`, also send connection_init (`token` as bearer, or `payload`) and await the ack.

        With `answer_pings=False` the client leaves the server's pings to the test. `options` go to websockets.
        """
        async with _named_timeout(CONNECT_SECONDS, f"a socket to {url.partition('?')[0]}"):
            connection = await connect(
                url,
                subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                additional_headers=headers,
                origin=origin,  # type: ignore[arg-type]  # a NewType of str
                max_size=None,
                compression=None,
                open_timeout=None,  # else 10 seconds
                **options,
            )
        client = cls(connection, answer_pings=answer_pings)
        if ack:
            await client.init(token, payload)
        return client

    async def __aenter__(self) -> "SocketClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def init(self, token: str | None = None, payload: Frame | None = None) -> Frame:
        """Send connection_init and return the connection_ack."""
        if token is not None:
            payload = {"Authorization": f"Bearer {token}", **(payload or {})}
        await self.send({"type": "connection_init", **({"payload": payload} if payload is not None else {})})
        frame = await self.control.get()
        assert frame["type"] == "connection_ack", f"expected connection_ack, got {frame}"
        return frame

    async def subscribe(
        self,
        query: str,
        variables: Frame | None = None,
        id: str | None = None,  # noqa: A002 - the protocol's word
        **payload: Any,
    ) -> SocketOperation:
        """Send a subscribe, also for a query or mutation. `payload` adds operationName or extensions."""
        operation = self.expect(id or str(next(self._ids)))
        body = {"query": query, **({"variables": variables} if variables is not None else {}), **payload}
        await self.send({"id": operation.id, "type": "subscribe", "payload": body})
        return operation

    async def execute(self, query: str, variables: Frame | None = None) -> Frame:
        """Run a query or a mutation and return its whole payload."""
        operation = await self.subscribe(query, variables)
        payload = await operation.next()
        await operation.completed()
        return payload

    def expect(self, operation_id: str) -> SocketOperation:
        """Return an operation that collects the frames of this id; the test sends its subscribe itself."""
        operation = SocketOperation(self, operation_id)
        self._operations[operation_id] = operation
        return operation

    async def send(self, frame: object) -> None:
        """Send a frame as JSON."""
        await self.send_raw(json.dumps(frame))

    async def send_raw(self, data: str | bytes) -> None:
        """Send a text frame (str) or a binary frame (bytes) as it is."""
        async with _named_timeout(TIMEOUT_SECONDS, "the socket to take a frame"):
            with contextlib.suppress(ConnectionClosed):
                await self.connection.send(data)

    async def ping(self, payload: Frame | None = None) -> Frame:
        """Send a ping and return its pong. The server has then handled everything sent before."""
        await self.send({"type": "ping", **({"payload": payload} if payload is not None else {})})
        frame = await self.control.get()
        assert frame["type"] == "pong", f"expected pong, got {frame}"
        return frame

    async def expect_close(self, timeout_seconds: float = TIMEOUT_SECONDS) -> tuple[int | None, str]:
        """Wait until the server closes the socket; return the code (1006 for a dropped connection) and the reason."""
        async with _named_timeout(timeout_seconds, "the server to close the socket"):
            await self._closed.wait()
        return self.close_code, self.close_reason

    async def close(self) -> None:
        """Close the socket from this side and end the reader."""
        async with _named_timeout(TIMEOUT_SECONDS, "the socket to close"):
            await self.connection.close()
            await self._reader

    def abort(self) -> None:
        """Drop the TCP connection without a close frame, as a phone in a tunnel does."""
        self.connection.transport.abort()

    async def _read(self) -> None:
        try:
            async for data in self.connection:
                frame = json.loads(data)
                self.frames.append(frame)
                await self._sort(frame)
        except ConnectionClosed:
            pass
        finally:
            received = self.connection.protocol.close_rcvd
            self.close_code = received.code if received else 1006
            self.close_reason = received.reason if received else ""
            self._closed.set()
            for queue in (self.control, self.pings, *(one.queue for one in self._operations.values())):
                queue.end()

    async def _sort(self, frame: Frame) -> None:
        if frame["type"] == "ping":
            self.pings.put(frame)
            if self.answer_pings:
                with contextlib.suppress(ConnectionClosed):
                    await self.connection.send(json.dumps({**frame, "type": "pong"}))
        elif "id" in frame and frame["id"] in self._operations:
            self._operations[frame["id"]].queue.put(frame)
        else:
            self.control.put(frame)


@contextlib.asynccontextmanager
async def _named_timeout(seconds: float, what: str) -> Any:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise TimeoutError(f"waited {seconds} s for {what}") from None


async def eventually(
    check: Callable[[], Awaitable[object]], timeout_seconds: float = TIMEOUT_SECONDS
) -> None:
    """Call `check` until it returns something true: for state of another process that no event announces."""
    async with _named_timeout(timeout_seconds, getattr(check, "__name__", "a condition")):
        while not await check():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.02)
