"""The formats of a streamed answer: server-sent events, and Apollo's multipart subscriptions."""

from typing import Protocol

import msgspec

from api.http.negotiation import Format
from schema.errors import FormattedError


class Framing(Protocol):
    """One streamed format. Every method returns the bytes to write."""

    content_type: bytes
    opening: bytes

    @property
    def keep_alive(self) -> bytes:
        """A heartbeat without content."""

    def result(self, payload: bytes) -> bytes:
        """An execution result; `payload` is its JSON."""

    def refusal(self, errors: list[FormattedError]) -> bytes:
        """The errors of an operation that was refused; no result follows."""

    def failure(self, errors: list[FormattedError]) -> bytes:
        """The errors that end a stream early."""

    def closing(self) -> bytes:
        """The end of the stream."""


def errors_only(errors: list[FormattedError]) -> bytes:
    """The JSON of a GraphQL response without data."""
    return msgspec.json.encode({"errors": errors})


class EventStream:
    """graphql-sse PROTOCOL.md, distinct connections mode: events `next` and `complete`, errors in a `next`."""

    content_type = b"text/event-stream; charset=utf-8"
    opening = b":\n\n"

    @property
    def keep_alive(self) -> bytes:
        """A comment, which clients skip."""
        return b":\n\n"

    def result(self, payload: bytes) -> bytes:
        """An event `next`. `payload` has no line break: the JSON encoder writes one line."""
        return b"event: next\ndata: " + payload + b"\n\n"

    def refusal(self, errors: list[FormattedError]) -> bytes:
        """A result with errors: an EventSource could not read the body of a 400."""
        return self.result(errors_only(errors))

    def failure(self, errors: list[FormattedError]) -> bytes:
        """A result with errors, as for a refusal."""
        return self.result(errors_only(errors))

    def closing(self) -> bytes:
        """An event `complete`. It has a `data` line because an EventSource drops events without one."""
        return b"event: complete\ndata:\n\n"


class Multipart:
    """Apollo's multipart protocol for subscriptions, version 1.0.

    A part ends with the boundary that follows it: clients deliver a part when they have read that boundary, so it is
    written with the part and not with the next one.
    """

    content_type = b'multipart/mixed; boundary="-"; subscriptionSpec=1.0'
    opening = b"\r\n---"

    def part(self, body: bytes) -> bytes:
        """One part and the boundary after it."""
        return b"\r\ncontent-type: application/json\r\n\r\n" + body + b"\r\n---"

    @property
    def keep_alive(self) -> bytes:
        """The protocol's heartbeat: an empty object."""
        return self.part(b"{}")

    def result(self, payload: bytes) -> bytes:
        """A part that wraps the result in `payload`."""
        return self.part(b'{"payload":' + payload + b"}")

    def refusal(self, errors: list[FormattedError]) -> bytes:
        """A result with errors: the protocol treats GraphQL's own errors as a payload."""
        return self.result(errors_only(errors))

    def failure(self, errors: list[FormattedError]) -> bytes:
        """A part with the transport's errors beside a null payload."""
        return self.part(msgspec.json.encode({"payload": None, "errors": errors}))

    def closing(self) -> bytes:
        """The two dashes that turn the last boundary into the closing one."""
        return b"--\r\n"


FRAMINGS: dict[Format, Framing] = {Format.EVENT_STREAM: EventStream(), Format.MULTIPART: Multipart()}
