"""Compiles a subscription to a plan: what to execute for each event, and under which key the payloads are shared."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from graphql import ExecutionResult, GraphQLError, execute_subscription_event
from graphql.execution import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.build import schema
from schema.context import Context
from schema.documents.prepared import Document, PreparedOperation
from schema.errors import RequestRefused, format_errors
from schema.live.compiling.event_objects import FeedEvent, as_graphql_object
from schema.live.compiling.projection import Projection, compile_projection
from schema.live.compiling.selection import select
from schema.live.memory.amendments import readable_from

_encoder = msgspec.json.Encoder(order="sorted")
_result_encoder = msgspec.json.Encoder()

# Per document; older ones are compiled again when they are needed.
PROJECTIONS_KEPT = 8

PlanKey = tuple[str, bytes, int | None]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How the payloads of one selection are made; plans with equal keys make equal payloads.

    The key holds the selection and the values of its variables, but not the arguments of the feed itself, so that
    clients that resume from different seqs share a plan. It also holds the viewer, unless every selected field is
    shareable. Members who may read from `first_seq` on get older messages without their text.
    """

    key: PlanKey
    executor: Executor[Any]
    context: Context = field(repr=False)
    projection: Projection | None = None
    first_seq: int = 1

    def readable_from(self, seq: int) -> "Plan":
        """The same plan for members who may read messages from this seq on."""
        text, variables, viewer_id = self.key
        project, projection = self.projection, None
        if project is not None:
            projection = lambda event: project(readable_from(event, seq))  # noqa: E731
        return replace(
            self, key=(f"{seq} {text}", variables, viewer_id), projection=projection, first_seq=seq
        )

    async def execute(self, event: FeedEvent) -> bytes:
        """The JSON of the execution result for one event. Each event has its own loaders, so no lookup is outdated."""
        if self.projection is not None:
            return self.projection(event)
        result = self._begin(as_graphql_object(readable_from(event, self.first_seq)))
        return _encode(result if isinstance(result, ExecutionResult) else await result)

    def execute_now(self, event: object) -> bytes | None:
        """The same for a GraphQL object, without waiting; None if a selected field has to wait for a lookup."""
        result = self._begin(event)
        if isinstance(result, ExecutionResult):
            return _encode(result)
        asyncio.ensure_future(result).cancel()
        return None

    def for_viewer(self, context: Context) -> "Plan":
        """The same selection executed for one viewer: for the events of a feed that are theirs alone."""
        return Plan((*self.key[:2], context.viewer_id), self.executor, context)

    def _begin(self, event: object) -> ExecutionResult | Awaitable[ExecutionResult]:
        executor = self.executor.build_per_event_executor(event)
        executor.context_value = self.context.renewed()
        return execute_subscription_event(executor)


def _encode(result: ExecutionResult) -> bytes:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = format_errors(result.errors)
    return _result_encoder.encode(body)


def build_executor(prepared: PreparedOperation, context: Context) -> Executor[Any]:
    """The executor of an operation, with its variables coerced. Raises RequestRefused for invalid variables."""
    built = StrawberryGraphQLCoreExecutionContext.build(
        schema.graphql_schema,
        prepared.document.node,
        context_value=context,
        raw_variable_values=prepared.request.variables,
        operation_name=prepared.request.operation_name,
        operation_extensions=prepared.request.extensions,
    )
    if isinstance(built, list):
        raise RequestRefused(format_errors(error for error in built if isinstance(error, GraphQLError)))
    return built


def _projection(document: Document, operation_name: str | None, variables: bytes) -> Projection | None:
    """The operation's projection under these values of its variables; the document caches the newest ones."""
    key = (operation_name, variables)
    cached = document.projections
    if key in cached:
        found: Projection | None = cached[key]
        return found
    operation, values = document.operations[operation_name], msgspec.json.decode(variables)
    projection = compile_projection(schema.graphql_schema, operation, document.fragments, values)
    if len(cached) >= PROJECTIONS_KEPT:
        del cached[next(iter(cached))]
    cached[key] = projection
    return projection


def compile_plan(prepared: PreparedOperation, executor: Executor[Any], context: Context) -> Plan:
    """The plan of a subscription for a chat's events.

    A shared plan runs without an identity, so that a field that depends on the viewer would be refused; a plan that
    projects needs none.
    """
    selection = select(prepared.document, prepared.name)
    values = executor.variable_values.coerced
    used = {name: values[name] for name in selection.variables if name in values}
    variables = _encoder.encode(used)
    projection = _projection(prepared.document, prepared.name, variables)
    if projection is None and not selection.is_shareable:
        return Plan((selection.text, variables, context.viewer_id), executor, context)
    # The plan outlives this subscriber and must not keep its socket alive.
    executor.context_value = None
    return Plan((selection.text, variables, None), executor, Context(), projection)
