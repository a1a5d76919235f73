"""Analyses what a subscription selects: which variables matter, and whether all viewers get the same payloads."""

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    VisitorAction,
    print_ast,
    visit,
)

from schema.build import schema
from schema.documents.prepared import Document
from schema.types.scope import is_shareable_field


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of a subscription that determines its payloads: all but the arguments of the feed."""

    text: str
    variables: frozenset[str]
    is_shareable: bool


def select(document: Document, operation_name: str | None) -> Selection:
    """The selection of a subscription operation. Cached by name, since hashing a node hashes its whole tree."""
    selection: Selection | None = document.selections.get(operation_name)
    if selection is None:
        selection = document.selections[operation_name] = _select(document, operation_name)
    return selection


def _select(document: Document, operation_name: str | None) -> Selection:
    operation = document.operations[operation_name]
    nodes: list[Node] = list(_selecting_nodes(operation))
    fragments = _reachable(nodes, document.fragments)
    nodes += fragments.values()
    return Selection(
        text="\n".join([_root_key(operation), *(print_ast(node) for node in nodes)]),
        variables=frozenset(name for node in nodes for name in _variables(node)),
        is_shareable=all(_is_shareable(node) for node in [operation, *fragments.values()]),
    )


def _selecting_nodes(operation: OperationDefinitionNode) -> Iterator[Node]:
    """The parts of the operation that determine a payload: all but the arguments of its one root field."""
    for selection in operation.selection_set.selections:
        if isinstance(selection, FieldNode):
            yield from selection.directives or ()
            if selection.selection_set is not None:
                yield selection.selection_set
        else:
            yield selection


def _root_key(operation: OperationDefinitionNode) -> str:
    """The alias and the name of the root field."""
    fields = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    return " ".join(f"{field.alias.value if field.alias else ''}:{field.name.value}" for field in fields)


class _Names(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()
        self.fragments: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: object) -> VisitorAction:
        self.variables.add(node.name.value)
        return None

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> VisitorAction:
        self.fragments.add(node.name.value)
        return None


def _variables(node: Node) -> set[str]:
    names = _Names()
    visit(node, names)
    return names.variables


def _reachable(
    nodes: list[Node], fragments: dict[str, FragmentDefinitionNode]
) -> dict[str, FragmentDefinitionNode]:
    """The fragments that the nodes spread, directly or through others, sorted by name."""
    found: dict[str, FragmentDefinitionNode] = {}
    waiting = list(nodes)
    while waiting:
        names = _Names()
        visit(waiting.pop(), names)
        for name in names.fragments - found.keys():
            found[name] = fragments[name]
            waiting.append(fragments[name])
    return dict(sorted(found.items()))


class _Sharing(Visitor):
    """Looks for a field whose value depends on the viewer."""

    def __init__(self, type_info: TypeInfo, graphql_schema: GraphQLSchema) -> None:
        super().__init__()
        self.is_shareable = True
        self._types = type_info
        self._schema = graphql_schema

    def enter_field(self, node: FieldNode, *_: object) -> VisitorAction:
        parent = self._types.get_parent_type()
        if parent is self._schema.subscription_type or node.name.value.startswith("__"):
            return None
        candidates: list[object] = [parent]
        if isinstance(parent, GraphQLInterfaceType):
            candidates += self._schema.get_possible_types(parent)
        for candidate in candidates:
            if not is_shareable_field(candidate, node.name.value):
                self.is_shareable = False
        return None


def _is_shareable(node: Node) -> bool:
    type_info = TypeInfo(schema.graphql_schema)
    visitor = _Sharing(type_info, schema.graphql_schema)
    visit(node, TypeInfoVisitor(type_info, visitor))
    return visitor.is_shareable
