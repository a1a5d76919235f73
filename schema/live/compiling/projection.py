"""Compiles a selection to a projection: a function from an event to the bytes of its execution result.

It runs the execution algorithm of the GraphQL specification (section 6: CollectFields, merging of equal response keys,
@skip and @include, fragments on objects, interfaces and unions) ahead of time, once for each event type. A selection
with a field that cannot be read from the event alone is not compiled: graphql-core executes the whole operation.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
    value_from_ast_untyped,
)

from schema.live.compiling.event_types import type_name
from schema.live.compiling.projectable_fields import PROJECTED_CLASSES, Encode, Leaf, projectable_fields

Projection = Callable[[object], bytes]

_CONDITIONS = ("skip", "include")


class _NotProjectable(Exception):  # noqa: N818 - not an error: graphql-core executes the operation then
    """A selected field cannot be read from the event itself."""


def compile_projection(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
) -> Projection | None:
    """The projection of a subscription for all events of a chat; None if a selected field needs more than the event.

    `variables` are the coerced values, defaults included. The types of an inbox's own events are not compiled.
    """
    compiler = _Compiler(schema, fragments, variables)
    try:
        return compiler.root(operation)
    except _NotProjectable:
        return None


@dataclass(frozen=True, slots=True)
class _Compiler:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]

    def root(self, operation: OperationDefinitionNode) -> Projection:
        subscription = self.schema.subscription_type
        assert subscription is not None
        fields = self._collect(subscription, [operation.selection_set])
        if len(fields) != 1:
            raise _NotProjectable
        [(key, nodes)] = fields.items()
        selection_sets = [node.selection_set for node in nodes if node.selection_set is not None]
        by_type = {
            event_class: self._object(type_name(event_class), selection_sets)
            for event_class in PROJECTED_CLASSES
        }
        opening = b'{"data":{%s:' % _encode_key(key)

        def project(event: object) -> bytes:
            return opening + by_type[type(event)](event) + b"}}"

        return project

    def _object(self, object_name: str, selection_sets: Iterable[SelectionSetNode]) -> Encode:
        object_type = self.schema.get_type(object_name)
        if not isinstance(object_type, GraphQLObjectType):
            raise _NotProjectable
        steps: list[tuple[bytes, Encode]] = []
        for key, nodes in self._collect(object_type, selection_sets).items():
            prefix = (b"," if steps else b"{") + _encode_key(key) + b":"
            steps.append((prefix, self._field(object_name, nodes)))
        return _join(steps)

    def _field(self, object_name: str, nodes: list[FieldNode]) -> Encode:
        name = nodes[0].name.value
        if name == "__typename":
            constant = b'"%s"' % object_name.encode()
            return lambda _found: constant
        field = projectable_fields()[object_name].get(name)
        if field is None:
            raise _NotProjectable
        if isinstance(field, Leaf):
            return field.encode
        get = field.get
        inner = self._object(
            field.type_name, [node.selection_set for node in nodes if node.selection_set is not None]
        )

        def encode(found: Any) -> bytes:
            child = get(found)
            return b"null" if child is None else inner(child)

        return encode

    def _collect(
        self, object_type: GraphQLObjectType, selection_sets: Iterable[SelectionSetNode]
    ) -> dict[str, list[FieldNode]]:
        """CollectFields (section 6.3.2): the fields of each response key, in the order of their first one."""
        fields: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for selection_set in selection_sets:
            for node in self._fields(object_type, selection_set, visited):
                key = node.alias.value if node.alias else node.name.value
                fields.setdefault(key, []).append(node)
        return fields

    def _fields(
        self, object_type: GraphQLObjectType, selection_set: SelectionSetNode, visited: set[str]
    ) -> Iterator[FieldNode]:
        for node in selection_set.selections:
            if not self._is_included(node.directives or ()):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._applies(node.type_condition, object_type):
                    yield from self._fields(object_type, node.selection_set, visited)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                fragment = self.fragments[node.name.value]
                if self._applies(fragment.type_condition, object_type):
                    yield from self._fields(object_type, fragment.selection_set, visited)

    def _applies(self, condition: NamedTypeNode, object_type: GraphQLObjectType) -> bool:
        named = self.schema.get_type(condition.name.value)
        return named is object_type or (
            is_abstract_type(named) and self.schema.is_sub_type(named, object_type)
        )

    def _is_included(self, directives: Iterable[DirectiveNode]) -> bool:
        for directive in directives:
            if directive.name.value not in _CONDITIONS:
                raise _NotProjectable
            value = (directive.arguments or ())[0].value
            if isinstance(value, VariableNode):
                condition = self.variables.get(value.name.value)
            else:
                condition = value_from_ast_untyped(value)
            if not isinstance(condition, bool):
                raise _NotProjectable  # null for a variable with a default: graphql-core reports the error
            if condition is (directive.name.value == "skip"):
                return False
        return True


def _encode_key(key: str) -> bytes:
    return msgspec.json.encode(key)


def _join(steps: list[tuple[bytes, Encode]]) -> Encode:
    if not steps:
        return lambda _found: b"{}"

    def encode(found: Any) -> bytes:
        parts: list[bytes] = []
        for prefix, step in steps:
            parts.append(prefix)
            parts.append(step(found))
        parts.append(b"}")
        return b"".join(parts)

    return encode
