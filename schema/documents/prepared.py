"""Prepares documents once per process: parsed, validated, within the limits, and cached by their text.

Validation takes more than half of a small mutation's time (measured), and clients send the same few documents over and
over.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.conf import settings
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, parse, validate
from graphql.language.ast import FragmentDefinitionNode

from foundation.errors import ErrorCode, ParlorError
from schema.build import schema
from schema.documents.limits import check_limits, validation_rules
from schema.documents.merging import check_merging
from schema.documents.variables import check_variables
from schema.errors import RequestRefused, format_errors, refused

# How graphql-core words it; to it this is a syntax error like any other.
_TOO_MANY_TOKENS = "Parsing aborted"

OperationKind = Literal["query", "mutation", "subscription"]

_KINDS: dict[OperationType, OperationKind] = {
    OperationType.QUERY: "query",
    OperationType.MUTATION: "mutation",
    OperationType.SUBSCRIPTION: "subscription",
}


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """A request as HTTP or the socket decoded it (GraphQL over HTTP, section 5.1)."""

    query: str | None
    operation_name: str | None = None
    variables: dict[str, object] | None = None
    extensions: dict[str, object] | None = None


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Document:
    """A valid document, and what was computed from it; both leave the cache together."""

    text: str
    node: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    # The cost in values of each operation whose cost does not depend on its variables.
    costs: dict[str | None, int] = field(default_factory=dict)
    # For `schema.live`: the selections of its subscriptions by name, their projections by name and variables.
    selections: dict[str | None, Any] = field(default_factory=dict)
    projections: dict[tuple[str | None, bytes], Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreparedOperation:
    """One operation of a prepared document, and the request that named it. `cost` is in values (`limits.py`)."""

    request: OperationRequest
    document: Document
    operation: OperationDefinitionNode
    cost: int

    @property
    def name(self) -> str | None:
        """The operation's name in its document; None if it has no name."""
        return _name(self.operation)

    @property
    def kind(self) -> OperationKind:
        """Query, mutation or subscription."""
        return _KINDS[self.operation.operation]


class DocumentStore:
    """A least-recently-used cache of valid documents, bounded by their number and total characters."""

    def __init__(self, max_documents: int, max_characters: int) -> None:
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0
        self._max_documents = max_documents
        self._max_characters = max_characters

    def __len__(self) -> int:
        return len(self._documents)

    def get(self, text: str) -> Document:
        """The document of this text. Raises RequestRefused for an invalid one and for one above a limit."""
        document = self._documents.get(text)
        if document is not None:
            self._documents.move_to_end(text)
            return document
        document = _read(text)
        if len(text) <= self._max_characters:
            self._documents[text] = document
            self._characters += len(text)
            while len(self._documents) > self._max_documents or self._characters > self._max_characters:
                forgotten, _ = self._documents.popitem(last=False)
                self._characters -= len(forgotten)
        return document

    def forget(self, document: Document) -> None:
        """Drop a document, because its operation is above a limit."""
        if self._documents.pop(document.text, None) is not None:
            self._characters -= len(document.text)


_store: DocumentStore | None = None


def prepare(request: OperationRequest) -> PreparedOperation:
    """The operation that `request` names, ready to run. Raises RequestRefused; nothing is executed."""
    if not request.query:
        raise refused(ParlorError(ErrorCode.BAD_INPUT, "The request has no query.", field="query"))
    variables = request.variables or {}
    check_variables(variables)
    document = document_store().get(request.query)
    operation = _choose(document, request.operation_name)
    return PreparedOperation(request, document, operation, _cost(document, operation, variables))


def _cost(document: Document, operation: OperationDefinitionNode, variables: Mapping[str, object]) -> int:
    known = document.costs.get(_name(operation))
    if known is not None:
        return known
    try:
        cost = check_limits(operation, document.fragments, variables)
    except RequestRefused:
        document_store().forget(document)
        raise
    if cost.is_fixed:
        document.costs[_name(operation)] = cost.values
    return cost.values


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def document_store() -> DocumentStore:
    """The cache of this process."""
    global _store
    if _store is None:
        _store = DocumentStore(settings.DOCUMENT_CACHE_DOCUMENTS, settings.DOCUMENT_CACHE_CHARACTERS)
    return _store


def _read(text: str) -> Document:
    if len(text) > settings.MAX_QUERY_CHARACTERS:
        limit = settings.MAX_QUERY_CHARACTERS
        message = f"A document has {limit} characters at most."
        raise refused(ParlorError(ErrorCode.TOO_LARGE, message, maxQueryCharacters=limit))
    node = _parse(text)
    check_merging(node)
    _validate(node)
    return Document(
        text,
        node,
        {
            definition.name.value if definition.name else None: definition
            for definition in node.definitions
            if isinstance(definition, OperationDefinitionNode)
        },
        {
            definition.name.value: definition
            for definition in node.definitions
            if isinstance(definition, FragmentDefinitionNode)
        },
    )


def _parse(text: str) -> DocumentNode:
    limit = settings.MAX_QUERY_TOKENS
    try:
        return parse(text, max_tokens=limit)
    except GraphQLError as error:
        if _TOO_MANY_TOKENS in error.message:
            message = f"A document has {limit} tokens at most."
            raise refused(ParlorError(ErrorCode.TOO_COMPLEX, message, maxQueryTokens=limit)) from None
        raise RequestRefused(format_errors([error])) from None
    except RecursionError:
        raise refused(ParlorError(ErrorCode.TOO_COMPLEX, "The document is nested too deeply.")) from None


def _validate(node: DocumentNode) -> None:
    limit = settings.MAX_VALIDATION_ERRORS
    errors = validate(schema.graphql_schema, node, validation_rules(), max_errors=limit)
    if errors:
        # Without their causes: an exception inside a rule comes from the document, so it is not logged as our fault.
        told = [GraphQLError(error.message, error.nodes, original_error=_limit(error)) for error in errors]
        if len(told) > limit:
            message = f"There are more than {limit} errors; no more were looked for."
            too_many = ParlorError(ErrorCode.TOO_COMPLEX, message, maxValidationErrors=limit)
            told[limit:] = [GraphQLError(message, original_error=too_many)]
        raise RequestRefused(format_errors(told))


def _limit(error: GraphQLError) -> ParlorError | None:
    """The limit that the document exceeds, if the error is about a limit."""
    cause = error.original_error
    return cause if isinstance(cause, ParlorError) else None


def _choose(document: Document, name: str | None) -> OperationDefinitionNode:
    if name is None and len(document.operations) == 1:
        return next(iter(document.operations.values()))
    operation = document.operations.get(name) if name is not None else None
    if operation is not None:
        return operation
    if not document.operations:
        message = "The document has no operation."
    elif name is None:
        message = "The document has several operations; name one in operationName."
    else:
        message = "The document has no operation of that operationName."
    raise refused(ParlorError(ErrorCode.BAD_INPUT, message, field="operationName"))
