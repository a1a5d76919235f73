"""Requests that HTTP itself refuses, before GraphQL has a word: the status is the same in every response format."""

from api.http.asgi_messages import Headers
from foundation.errors import ErrorCode, JSONScalar
from schema.errors import FormattedError


class Refused(Exception):  # noqa: N818 - it is the outcome of a request, not a fault of ours
    """A 4xx answer: its status, its one error as the client gets it, and headers that belong to the status."""

    def __init__(
        self, status: int, code: ErrorCode, message: str, headers: Headers = (), **data: JSONScalar
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.errors: list[FormattedError] = [{"message": message, "extensions": {"code": code.value, **data}}]


def malformed(message: str) -> Refused:
    """400: this is not a well-formed GraphQL-over-HTTP request."""
    return Refused(400, ErrorCode.BAD_INPUT, message)


def method_not_allowed(message: str, allowed: bytes) -> Refused:
    """405, with the methods that are allowed."""
    return Refused(405, ErrorCode.BAD_INPUT, message, ((b"allow", allowed),))
