"""A subscription compiled: what to execute for each event, for whom, and under which key its results may be shared."""

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
from schema.live.compiling.event_objects import FeedEvent, present
from schema.live.compiling.projection import Projection, compile_projection
from schema.live.compiling.selection import select
from schema.live.memory.amendments import readable_from

_encoder = msgspec.json.Encoder(order="sorted")
_result_encoder = msgspec.json.Encoder()

# Of one document; others are compiled again when they are asked for.
PROJECTIONS_KEPT = 8

PlanKey = tuple[str, bytes, int | None]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How one selection of a feed is answered.

    Two subscriptions with equal keys get equal payloads. The key holds the selection and the values of the variables
    in it, but not the arguments of the feed itself, so that clients that resume from different seqs share; and it
    holds the viewer, unless every selected field is shareable.
    """

    key: PlanKey
    executor: Executor[Any]
    context: Context = field(repr=False)
    projection: Projection | None = None
    first_seq: int = 1

    @property
    def is_shared(self) -> bool:
        """Whether the payloads are the same for all viewers."""
        return self.key[2] is None

    def readable_from(self, seq: int) -> "Plan":
        """The same for those who may read messages from this seq on."""
        text, variables, viewer_id = self.key
        project, projection = self.projection, None
        if project is not None:
            projection = lambda event: project(readable_from(event, seq))  # noqa: E731
        return replace(
            self, key=(f"{seq} {text}", variables, viewer_id), projection=projection, first_seq=seq
        )

    async def execute(self, event: FeedEvent) -> bytes:
        """The JSON of the execution result for one event. Loaders are new for each: nothing comes from a cache."""
        if self.projection is not None:
            return self.projection(event)
        result = self._begin(present(readable_from(event, self.first_seq)))
        return _encode(result if isinstance(result, ExecutionResult) else await result)

    def execute_now(self, event: object) -> bytes | None:
        """The same in this very step; None if a selected field has to wait for something."""
        result = self._begin(event)
        if isinstance(result, ExecutionResult):
            return _encode(result)
        asyncio.ensure_future(result).cancel()
        return None

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
    """The executor of an operation, its variables coerced. Raises RequestRefused for variables that do not fit."""
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
    """The operation's projection under these values. The last ones of a document are kept as long as it is."""
    key = (operation_name, variables)
    kept = document.projections
    if key in kept:
        found: Projection | None = kept[key]
        return found
    operation, values = document.operations[operation_name], msgspec.json.decode(variables)
    projection = compile_projection(schema.graphql_schema, operation, document.fragments, values)
    if len(kept) >= PROJECTIONS_KEPT:
        del kept[next(iter(kept))]
    kept[key] = projection
    return projection


def compile_plan(prepared: PreparedOperation, executor: Executor[Any], context: Context) -> Plan:
    """The plan of a subscription for a chat's events.

    One that is shared runs as nobody, where what depends on the viewer is refused; one that projects needs no viewer.
    """
    selection = select(prepared.document, prepared.name)
    values = executor.variable_values.coerced
    used = {name: values[name] for name in selection.variables if name in values}
    variables = _encoder.encode(used)
    projection = _projection(prepared.document, prepared.name, variables)
    if projection is None and not selection.is_shareable:
        return Plan((selection.text, variables, context.viewer_id), executor, context)
    # The plan outlives this subscriber, whose socket it must not keep.
    executor.context_value = None
    return Plan((selection.text, variables, None), executor, Context(), projection)


def personal(plan: Plan, context: Context) -> Plan:
    """The same selection executed for one viewer, for what a feed carries beside a chat's events."""
    return Plan((*plan.key[:2], context.viewer_id), plan.executor, context)
