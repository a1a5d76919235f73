"""Runs operations: prepare, execute and subscribe are what every transport calls.

Importing it also makes `schema.build.schema.subscribe(...)` work.
"""

from functools import partial
from typing import Any, Protocol

import msgspec
from django.conf import settings
from strawberry.schema.schema import SubscriptionResult
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from foundation.errors import ErrorCode, ParlorError
from schema.build import schema
from schema.context import Context
from schema.documents import persisted, prepared
from schema.documents.prepared import OperationRequest, PreparedOperation
from schema.errors import FormattedError, RequestRefused, format_errors, refused
from schema.large_queries import run_on_own_thread
from schema.live.delivery.result_generator import generate_results
from schema.live.delivery.subscribe import subscribe
from schema.live.outlet import LiveOperation, Outlet

__all__ = [
    "Executor",
    "OperationRequest",
    "PreparedOperation",
    "RequestRefused",
    "execute",
    "load_trusted_documents",
    "names_document",
    "prepare",
    "subscribe",
]

_encoder = msgspec.json.Encoder()


class Executor(Protocol):
    """What a transport uses to prepare and run operations: this module, or a stand-in in the transport's tests."""

    async def prepare(self, request: OperationRequest, /) -> PreparedOperation:
        """Find a persisted document, parse and validate. Raises RequestRefused."""

    async def execute(self, prepared: PreparedOperation, context: Context, /) -> bytes:
        """Run a query or a mutation; returns the JSON of its result. Raises RequestRefused."""

    async def subscribe(
        self, prepared: PreparedOperation, context: Context, outlet: Outlet, /
    ) -> LiveOperation:
        """Start a subscription that writes to `outlet`. Raises RequestRefused."""


def load_trusted_documents() -> None:
    """Read the file of trusted documents, so that a malformed one (ValueError) stops the server when it starts."""
    persisted.trusted_documents(settings.TRUSTED_DOCUMENTS)


def names_document(request: OperationRequest) -> bool:
    """Whether the request sends a document or names one by its hash. `prepare` refuses any other."""
    return bool(request.query) or persisted.is_named_by_hash(request)


async def prepare(request: OperationRequest) -> PreparedOperation:
    """Resolve a persisted document, parse, validate, check the limits. Raises RequestRefused: nothing was executed."""
    return prepared.prepare(await persisted.resolve(request))


async def execute(operation: PreparedOperation, context: Context) -> bytes:
    """Run a query or a mutation; returns the JSON of its result (GraphQL specification, section 7).

    Raises RequestRefused for an error of the request itself (invalid variables): then nothing was executed.
    """
    if operation.kind == "subscription":
        message = "A subscription needs a transport that streams: a websocket, text/event-stream or multipart/mixed."
        raise refused(ParlorError(ErrorCode.BAD_INPUT, message))
    context.document = operation.document.node
    if operation.kind == "query" and operation.cost >= settings.LARGE_QUERY_COST:
        return await run_on_own_thread(partial(_execute, operation, context))
    return await _execute(operation, context)


async def _execute(operation: PreparedOperation, context: Context) -> bytes:
    result = await schema.execute(
        operation.document.text,
        variable_values=operation.request.variables,
        context_value=context,
        operation_name=operation.request.operation_name,
        allowed_operation_types=(OperationType.QUERY, OperationType.MUTATION),
    )
    return _encode_result(result)


def _encode_result(result: ExecutionResult) -> bytes:
    """The JSON of a result. Raises RequestRefused if the operation was refused before its execution."""
    errors: list[FormattedError] = format_errors(result.errors or ())
    if result.data is None and errors and all("path" not in error for error in errors):
        raise RequestRefused(errors)
    body: dict[str, Any] = {"data": result.data}
    if errors:
        body["errors"] = errors
    return _encoder.encode(body)


def _generate_results(
    query: str | None,
    variables: dict[str, Any] | None,
    context: Context,
    operation_name: str | None,
    extensions: dict[str, Any] | None,
) -> SubscriptionResult:
    request = OperationRequest(query, operation_name, variables, extensions)
    return generate_results(partial(prepare, request), context)


schema.install_subscriber(_generate_results)
