"""Bounds an operation's depth, aliases, root fields and cost, over HTTP and sockets alike.

The cost is the number of values that the operation returns if every page is full: a field costs 1, plus its selection
times the rows of its page, so nested pages multiply. This is static cost analysis (IBM, "GraphQL Cost Directives") with
page sizes read from the request's arguments and variables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from graphql import (
    ASTValidationRule,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    specified_rules,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from foundation.errors import ErrorCode, ParlorError
from schema.build import schema
from schema.errors import refused

SIZE_ARGUMENTS = ("first", "last")
LIST_ARGUMENT = "ids"


def validation_rules() -> tuple[type[ASTValidationRule], ...]:
    """The rules of the GraphQL specification (section 5), of Strawberry, and our own."""
    ours = () if settings.INTROSPECTION else (NoSchemaIntrospectionCustomRule,)
    return (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule, _ListsAreBounded, *ours)


class _ListsAreBounded(ASTValidationRule):
    """MAX_LIST_ITEMS for lists written in the document; `variables.py` checks those in variables."""

    def enter_list_value(self, node: ListValueNode, *_: object) -> None:
        limit = settings.MAX_LIST_ITEMS
        if len(node.values) > limit:
            sentence = f"A list has {limit} items at most."
            cause = ParlorError(ErrorCode.TOO_LARGE, sentence, maxListItems=limit)
            self.report_error(GraphQLError(sentence, node, original_error=cause))


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a selection: fields on its own level, depth, aliases, and the values that it may return."""

    fields: int = 0
    depth: int = 0
    aliases: int = 0
    cost: int = 0

    def beside(self, other: "Size") -> "Size":
        """The size of this selection together with another one on the same level."""
        return Size(
            self.fields + other.fields,
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """The most values that an operation may return; `is_fixed` if that does not depend on its variables."""

    values: int
    is_fixed: bool


def check_limits(
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, object],
) -> Cost:
    """The operation's cost. Raises RequestRefused (TOO_COMPLEX, with the limit's name and value) above a limit."""
    measure = _Measure(operation, fragments, variables)
    size = measure.selection(operation.selection_set)
    bounds = {
        "maxQueryDepth": (size.depth, settings.MAX_QUERY_DEPTH, "is nested {0} levels deep; {1} is the most"),
        "maxQueryAliases": (size.aliases, settings.MAX_QUERY_ALIASES, "has {0} aliases; {1} is the most"),
        "maxRootFields": (size.fields, settings.MAX_ROOT_FIELDS, "has {0} root fields; {1} is the most"),
        "maxQueryCost": (size.cost, settings.MAX_QUERY_COST, "may return {0} values; {1} is the most"),
    }
    for name, (found, limit, sentence) in bounds.items():
        if found > limit:
            message = f"The operation {sentence.format(found, limit)}."
            raise refused(ParlorError(ErrorCode.TOO_COMPLEX, message, **{name: limit}))
    return Cost(size.cost, not measure.depends_on_variables)


class _Measure:
    """Measures each fragment once, however often it is spread, so the work is linear in the document."""

    def __init__(
        self,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, object],
    ) -> None:
        self.depends_on_variables = False
        self._fragments = fragments
        self._variables = variables
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }
        self._fragment_sizes: dict[str, Size] = {}

    def selection(self, selection_set: SelectionSetNode) -> Size:
        size = Size()
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                size = size.beside(self._field(node))
            elif isinstance(node, FragmentSpreadNode):
                size = size.beside(self._fragment(node.name.value))
            elif isinstance(node, InlineFragmentNode):
                size = size.beside(self.selection(node.selection_set))
        return size

    def _field(self, node: FieldNode) -> Size:
        aliases = 1 if node.alias else 0
        if node.selection_set is None:
            return Size(1, 1, aliases, 1)
        inner = self.selection(node.selection_set)
        if node.name.value.startswith("__"):
            # Introspection: graphql-core's own rule bounds its depth. Its rows are types.
            return Size(1, 1, inner.aliases + aliases, 1 + len(schema.graphql_schema.type_map) * inner.cost)
        return Size(1, inner.depth + 1, inner.aliases + aliases, 1 + self._rows(node) * inner.cost)

    def _fragment(self, name: str) -> Size:
        size = self._fragment_sizes.get(name)
        if size is None:
            size = self._fragment_sizes[name] = self.selection(self._fragments[name].selection_set)
        return size

    def _rows(self, node: FieldNode) -> int:
        """How many rows the field may return: what its arguments ask for, at most a full page."""
        if node.name.value not in _paged_fields():
            return 1
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if LIST_ARGUMENT in given:
            return self._length(given[LIST_ARGUMENT])
        sizes = [self._number(given[name]) for name in SIZE_ARGUMENTS if name in given]
        size = next((size for size in sizes if size is not None), settings.DEFAULT_PAGE_SIZE)
        return min(max(size, 1), settings.MAX_PAGE_SIZE)

    def _number(self, value: ValueNode | None) -> int | None:
        if isinstance(value, VariableNode):
            self.depends_on_variables = True
            name = value.name.value
            if name not in self._variables:
                return self._number(self._defaults.get(name))
            given = self._variables[name]
            is_whole = isinstance(given, int) or (isinstance(given, float) and given.is_integer())
            return int(given) if is_whole else None  # type: ignore[call-overload]
        return int(value.value) if isinstance(value, IntValueNode) else None

    def _length(self, value: ValueNode | None) -> int:
        if isinstance(value, VariableNode):
            self.depends_on_variables = True
            name = value.name.value
            if name not in self._variables:
                return self._length(self._defaults.get(name))
            given = self._variables[name]
            return len(given) if isinstance(given, list) else 1
        return len(value.values) if isinstance(value, ListValueNode) else 1


@cache
def _paged_fields() -> frozenset[str]:
    """The names of all fields that return a page or a list of rows."""
    names = set()
    for graphql_type in schema.graphql_schema.type_map.values():
        for name, field in getattr(graphql_type, "fields", {}).items():
            if {*SIZE_ARGUMENTS, LIST_ARGUMENT} & set(getattr(field, "args", ())):
                names.add(name)
    return frozenset(names)
