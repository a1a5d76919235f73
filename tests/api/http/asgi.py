"""Calls an ASGI application in-process: whole answers, and streams whose client can stall or leave."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from api.http.asgi_messages import Message, Scope

App = Callable[
    [Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
HeaderPairs = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """`extensions.code` of the first error."""
        return str(self.json["errors"][0]["extensions"]["code"])


def scope_of(method: str, path: str, headers: HeaderPairs) -> Scope:
    """An HTTP scope as servers make it; `path` may carry a query string."""
    path, _, query_string = path.partition("?")
    named = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    if not any(name == b"host" for name, _ in named):
        named.append((b"host", b"localhost"))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query_string.encode(),
        "headers": named,
        "client": ("192.0.2.7", 40000),
        "server": ("localhost", 8000),
    }


async def call(
    app: App,
    method: str = "POST",
    path: str = "/graphql/",
    *,
    headers: HeaderPairs = (),
    body: bytes = b"",
    chunks: Iterable[bytes] | None = None,
    ends: bool = True,
) -> Answer:
    """Send one request and read the whole answer. With `ends=False` the rest of the body never comes."""
    parts = list(chunks) if chunks is not None else [body]
    messages: asyncio.Queue[Message] = asyncio.Queue()
    for position, part in enumerate(parts, 1):
        messages.put_nowait(
            {"type": "http.request", "body": part, "more_body": not ends or position < len(parts)}
        )
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope_of(method, path, headers), messages.get, send)
    return _answer(sent)


async def post(app: App, value: object, *headers: tuple[str, str]) -> Answer:
    """POST a value as JSON."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return await call(app, headers=[("content-type", "application/json"), *headers], body=body)


def _answer(sent: list[Message]) -> Answer:
    start, *rest = sent
    assert start["type"] == "http.response.start"
    assert not rest[-1].get("more_body", False)
    headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in rest))


class StreamClient:
    """A client of a streamed answer, which reads chunk by chunk and may stall or leave."""

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.started: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._requests: asyncio.Queue[Message] = asyncio.Queue()
        self._reading = asyncio.Event()
        self._reading.set()

    def leave(self) -> None:
        """Close the connection."""
        self._requests.put_nowait({"type": "http.disconnect"})

    def stall(self) -> None:
        """Stop reading: the server's `send` waits, as uvicorn's does."""
        self._reading.clear()

    def read(self) -> None:
        """Read again."""
        self._reading.set()

    async def text_until(self, end: str) -> str:
        """The text that arrives, up to `end`."""
        text = ""
        async with asyncio.timeout(30):
            while end not in text:
                chunk = await self.chunks.get()
                assert chunk is not None, f"the stream ended after {text!r}"
                text += chunk.decode()
        return text

    async def rest(self) -> str:
        """Everything up to the end of the stream."""
        text = ""
        async with asyncio.timeout(30):
            while (chunk := await self.chunks.get()) is not None:
                text += chunk.decode()
        return text

    async def receive(self) -> Message:
        """The application's `receive`."""
        return await self._requests.get()

    async def send(self, message: Message) -> None:
        """The application's `send`."""
        await self._reading.wait()
        if message["type"] == "http.response.start":
            self.started.set_result(message)
            return
        self.chunks.put_nowait(message.get("body", b""))
        if not message.get("more_body", False):
            self.chunks.put_nowait(None)

    def send_request(self, body: bytes) -> None:
        """Queue the whole body of the request."""
        self._requests.put_nowait({"type": "http.request", "body": body, "more_body": False})


@contextlib.asynccontextmanager
async def open_stream(
    app: App, value: object, *headers: tuple[str, str]
) -> AsyncIterator[tuple[StreamClient, asyncio.Task[None]]]:
    """POST a subscription; yields the client and the application's task, which is awaited at the end."""
    client = StreamClient()
    client.send_request(msgspec.json.encode(value))
    scope = scope_of("POST", "/graphql/", [("content-type", "application/json"), *headers])

    async def run() -> None:
        await app(scope, client.receive, client.send)

    task = asyncio.create_task(run())
    try:
        yield client, task
    finally:
        client.leave()
        client.read()
        await asyncio.wait({task}, timeout=30)
        assert task.done()
        if not task.cancelled():
            task.result()
