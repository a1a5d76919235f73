"""How results are written in a streamed answer: server-sent events, and Apollo's multipart subscriptions."""

from typing import Protocol

import msgspec

from api.http.negotiation import Format
from schema.errors import FormattedError


class Framing(Protocol):
    """One streamed format. Every method gives the bytes to write."""

    content_type: bytes
    opening: bytes

    @property
    def keep_alive(self) -> bytes:
        """A sign of life that says nothing."""

    def result(self, payload: bytes) -> bytes:
        """An execution result; `payload` is its JSON."""

    def refusal(self, errors: list[FormattedError]) -> bytes:
        """The operation was not accepted, and no result follows."""

    def failure(self, errors: list[FormattedError]) -> bytes:
        """The stream breaks off."""

    def closing(self) -> bytes:
        """Nothing follows."""


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
        """`payload` has no line break: JSON as we write it is one line."""
        return b"event: next\ndata: " + payload + b"\n\n"

    def refusal(self, errors: list[FormattedError]) -> bytes:
        """Request errors are results too: an EventSource could not read the body of a 400."""
        return self.result(errors_only(errors))

    def failure(self, errors: list[FormattedError]) -> bytes:
        """The same as a refusal."""
        return self.result(errors_only(errors))

    def closing(self) -> bytes:
        """The `data` line is there because an EventSource drops events without one."""
        return b"event: complete\ndata:\n\n"


class Multipart:
    """Apollo's multipart protocol for subscriptions, version 1.0.

    A part ends with the boundary that follows it: clients hand a part on when they have read that boundary, so it is
    written at once and not with the next part.
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
        """Results come wrapped in `payload`."""
        return self.part(b'{"payload":' + payload + b"}")

    def refusal(self, errors: list[FormattedError]) -> bytes:
        """GraphQL's own errors are a payload."""
        return self.result(errors_only(errors))

    def failure(self, errors: list[FormattedError]) -> bytes:
        """The transport's errors stand beside a null payload."""
        return self.part(msgspec.json.encode({"payload": None, "errors": errors}))

    def closing(self) -> bytes:
        """The two dashes that make the last boundary the final one."""
        return b"--\r\n"


FRAMINGS: dict[Format, Framing] = {Format.EVENT_STREAM: EventStream(), Format.MULTIPART: Multipart()}
