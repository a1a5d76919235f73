"""A minimal HTTP/1.1 client with one keep-alive connection, so that the driver uses little processor time."""

import asyncio


class HttpConnection(asyncio.Protocol):
    """Posts JSON, one request at a time. Every response must have a Content-Length."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None

    @classmethod
    async def connect(cls, port: int) -> "HttpConnection":
        """Connect to a port of 127.0.0.1."""
        _, protocol = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return protocol

    async def post(self, path: str, token: str, body: bytes) -> bytes:
        """Send one request and return the response's body, whatever its status. Raises ConnectionError."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nAccept: application/graphql-response+json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport (asyncio.Protocol)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect a part of the response (asyncio.Protocol)."""
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if separator and len(body) >= _length(head) and self._answer is not None:
            self._buffer = b""
            self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the pending request (asyncio.Protocol)."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("The server closed the connection."))


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise ConnectionError("The response has no Content-Length.")
