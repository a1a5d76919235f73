"""The schema, put together."""

from typing import Any

from graphql import GraphQLError, GraphQLSchema
from strawberry import Schema
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext

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


class ParlorSchema(Schema):
    """Strawberry's schema, with errors logged where they are masked and nowhere else."""

    @property
    def graphql_schema(self) -> GraphQLSchema:
        """The schema in graphql-core's words."""
        return self._schema

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing: `schema.errors` logs what the client does not see, and a refusal is no news."""


schema = ParlorSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=enums.EXPOSED,
    extensions=[PreparedDocument],
)
