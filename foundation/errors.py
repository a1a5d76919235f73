"""ParlorError, the only error type that crosses layers: a code for clients to switch on, a sentence, and data."""

import enum

JSONScalar = str | int | float | bool | None


class ErrorCode(enum.Enum):
    """What went wrong, as clients see it in `extensions.code`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    BAD_INPUT = "BAD_INPUT"
    CONFLICT = "CONFLICT"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_LARGE = "TOO_LARGE"
    TOO_COMPLEX = "TOO_COMPLEX"
    GONE = "GONE"
    INTERNAL = "INTERNAL"


class ParlorError(Exception):
    """An error that clients see.

    `message` is a sentence for a person; `data` joins the code in `extensions`, with camelCase keys (`field`,
    `maxLength`, `retryAfterMs`). Neither may contain a secret.
    """

    def __init__(self, code: ErrorCode, message: str, **data: JSONScalar) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
