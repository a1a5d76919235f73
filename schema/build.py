"""Builds the schema object."""

from typing import Any, Protocol

from graphql import GraphQLError, GraphQLSchema
from strawberry import Schema
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import SubscriptionResult
from strawberry.types import ExecutionContext

from schema.context import Context
from schema.mutations import Mutation
from schema.queries import Query
from schema.subscriptions import Subscription
from schema.types import enums


class PreparedDocument(SchemaExtension):
    """Hands Strawberry the document that `schema.documents.prepared` has parsed and validated."""

    def on_parse(self) -> Any:
        """Before parsing."""
        document = getattr(self.execution_context.context, "document", None)
        if document is not None:
            self.execution_context.graphql_document = document
            self.execution_context.pre_execution_errors = []
        yield


class Subscriber(Protocol):
    """Runs a subscription as an async generator; `context` says who subscribes."""

    def __call__(
        self,
        query: str | None,
        variables: dict[str, Any] | None,
        context: Context,
        operation_name: str | None,
        extensions: dict[str, Any] | None,
    ) -> SubscriptionResult:
        """The results, one for each event. Nothing starts before the first one is asked for."""


class ParlorSchema(Schema):
    """Strawberry's schema, with errors logged only where they are masked, and subscriptions run by `schema.live`."""

    _subscriber: Subscriber | None = None

    @property
    def graphql_schema(self) -> GraphQLSchema:
        """The graphql-core schema."""
        return self._schema

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing: `schema.errors` logs what it masks, and a refusal needs no log line."""

    def install_subscriber(self, subscriber: Subscriber) -> None:
        """Set what `subscribe` runs. `schema.execution` does so when it is imported: the feeds import this module."""
        self._subscriber = subscriber

    async def subscribe(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,  # noqa: ARG002 - Strawberry's signature
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> SubscriptionResult:
        """The results of a subscription, as Strawberry's own `subscribe` gives them; `root_value` is not used.

        `context_value` is a Context; None is a client without a login. A refusal is one PreExecutionError. Raises
        RuntimeError if `schema.execution` was not imported.
        """
        if self._subscriber is None:
            raise RuntimeError("Import schema.execution first: it installs what runs subscriptions.")
        context = Context() if context_value is None else context_value
        return self._subscriber(query, variable_values, context, operation_name, operation_extensions)


schema = ParlorSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=enums.EXPOSED,
    extensions=[PreparedDocument],
)
