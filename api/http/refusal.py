"""Refusals of the HTTP layer, before GraphQL runs: their status is the same in every response format."""

from api.http.asgi_messages import Headers
from foundation.errors import ErrorCode, JSONScalar
from schema.errors import FormattedError


class HttpRefused(Exception):  # noqa: N818 - the outcome of a request, not a fault of the server
    """A 4xx answer (or 503): its status, its one error as the client gets it, and headers that the status requires."""

    def __init__(
        self, status: int, code: ErrorCode, message: str, headers: Headers = (), **data: JSONScalar
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.errors: list[FormattedError] = [{"message": message, "extensions": {"code": code.value, **data}}]


def malformed(message: str) -> HttpRefused:
    """400: not a well-formed GraphQL-over-HTTP request."""
    return HttpRefused(400, ErrorCode.BAD_INPUT, message)


def method_not_allowed(message: str, allowed: bytes) -> HttpRefused:
    """405, with the methods that are allowed."""
    return HttpRefused(405, ErrorCode.BAD_INPUT, message, ((b"allow", allowed),))
