"""Errors as clients see them: a message, a place, and `extensions.code`.

Clients see a `ParlorError` as it is. Any other exception is masked: the client gets INTERNAL and an errorId, the log
gets the same id and the traceback.
"""

import logging
import secrets
from collections.abc import Iterable

from graphql import GraphQLError

from foundation.errors import ErrorCode, ParlorError

logger = logging.getLogger(__name__)

FormattedError = dict[str, object]

MASKED_MESSAGE = "Something went wrong here. Quote the errorId when you report it."


class RequestRefused(Exception):  # noqa: N818 - the outcome of a request, not a fault of the server
    """A request that is not executed at all: `errors` as the client gets them, and the status for HTTP."""

    def __init__(self, errors: list[FormattedError], http_status: int = 400) -> None:
        super().__init__(errors[0]["message"] if errors else "refused")
        self.errors = errors
        self.http_status = http_status


def refused(error: ParlorError, http_status: int = 400) -> RequestRefused:
    """The refusal of a whole request for one reason."""
    return RequestRefused([format_error(GraphQLError(error.message, original_error=error))], http_status)


def format_error(error: GraphQLError) -> FormattedError:
    """One error in the response format (GraphQL specification, section 7.1.2)."""
    formatted: FormattedError = {"message": error.message}
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        formatted["path"] = list(error.path)
    cause = _cause(error)
    if isinstance(cause, ParlorError):
        formatted["message"] = cause.message
        formatted["extensions"] = {"code": cause.code.value, **cause.data}
    elif cause is None:
        formatted["extensions"] = {"code": ErrorCode.BAD_INPUT.value, **(error.extensions or {})}
    else:
        formatted |= masked(cause)
    return formatted


def format_errors(errors: Iterable[GraphQLError]) -> list[FormattedError]:
    """Each of the errors as the client sees it."""
    return [format_error(error) for error in errors]


def masked(error: BaseException) -> FormattedError:
    """Log an unforeseen error and return what the client sees of it: a fixed message, INTERNAL and the errorId."""
    extensions = {"code": ErrorCode.INTERNAL.value, "errorId": log_masked(error)}
    return {"message": MASKED_MESSAGE, "extensions": extensions}


def errors_of(error: Exception) -> list[FormattedError]:
    """The errors of an operation that `error` ended, as its client sees them."""
    if isinstance(error, RequestRefused):
        return error.errors
    if isinstance(error, ParlorError):
        return refused(error).errors
    return [masked(error)]


def log_masked(error: BaseException) -> str:
    """Log an error that the client must not see; returns the errorId that the log line carries."""
    error_id = secrets.token_hex(8)
    logger.error("Masked error %s", error_id, exc_info=error)
    return error_id


def _cause(error: GraphQLError) -> BaseException | None:
    """The exception that a resolver raised; None for an error that GraphQL itself found in the request."""
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause
