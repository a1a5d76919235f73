"""The schema against the contract that clients are generated from (`contract.graphql`), and its descriptions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    BreakingChange,
    BreakingChangeType,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    NullValueNode,
    build_schema,
    find_breaking_changes,
    print_ast,
)

from schema.build import schema as schema_in_use

ROOT = Path(__file__).resolve().parents[2]
REMOVALS = {
    BreakingChangeType.TYPE_REMOVED,
    BreakingChangeType.TYPE_REMOVED_FROM_UNION,
    BreakingChangeType.FIELD_REMOVED,
    BreakingChangeType.ARG_REMOVED,
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """What the project exports."""
    return build_schema((ROOT / "schema.graphql").read_text())


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    """What was promised."""
    return build_schema((Path(__file__).parent / "contract.graphql").read_text())


@pytest.fixture(scope="module")
def differences(schema: GraphQLSchema, contract: GraphQLSchema) -> list[BreakingChange]:
    """What breaks a client of the contract."""
    return find_breaking_changes(contract, schema)


def test_what_is_there_is_as_it_was_promised(differences: list[BreakingChange]) -> None:
    assert [change.description for change in differences if change.type not in REMOVALS] == []


def test_what_is_not_there_yet(differences: list[BreakingChange]) -> None:
    """`contract_missing.txt` may only shrink: whoever builds something takes it out there."""
    missing = {change.description for change in differences if change.type in REMOVALS}
    allowed = set((Path(__file__).parent / "contract_missing.txt").read_text().splitlines())
    assert sorted(missing - allowed) == [], "these were there before, or the contract has grown"
    assert sorted(allowed - missing) == [], "these are there now: take them out of contract_missing.txt"


def test_values_and_nullability_are_as_promised(schema: GraphQLSchema, contract: GraphQLSchema) -> None:
    """Beyond what breaks a query: a type that is stricter or looser gives other generated code."""
    found = dict(shapes(schema))
    promised = dict(shapes(contract))
    common = found.keys() & promised.keys()
    assert {name: found[name] for name in common} == {name: promised[name] for name in common}
    assert len(common) > 150


def shapes(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """The type of every field, argument and input field, and the default of every argument, by its coordinates."""
    for name, kind in schema.type_map.items():
        if name.startswith("__") or not isinstance(
            kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType
        ):
            continue
        fields: dict[str, Any] = kind.fields
        for field_name, field in fields.items():
            yield f"{name}.{field_name}", str(field.type)
            for argument_name, argument in getattr(field, "args", {}).items():
                place = f"{name}.{field_name}({argument_name})"
                yield place, f"{argument.type}{default_of(argument)}"


def default_of(argument: GraphQLArgument) -> str:
    """The default value; one of null is as good as none."""
    value = argument.ast_node and argument.ast_node.default_value
    return "" if value is None or isinstance(value, NullValueNode) else f" = {print_ast(value)}"


def test_the_export_is_the_schema_in_use() -> None:
    assert (ROOT / "schema.graphql").read_text().strip() == schema_in_use.as_str().strip()


def undescribed(schema: GraphQLSchema) -> Iterator[str]:
    """The coordinates of all that has no description."""
    for name, kind in schema.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        if not kind.description and name not in ("Query", "Mutation", "Subscription"):
            yield name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"{name}.{value}" for value, it in kind.values.items() if not it.description)
        fields: dict[str, Any] = getattr(kind, "fields", {})
        for field_name, field in fields.items():
            if not field.description:
                yield f"{name}.{field_name}"
            for argument_name, argument in getattr(field, "args", {}).items():
                if not argument.description:
                    yield f"{name}.{field_name}({argument_name})"


def test_everything_has_a_description(schema: GraphQLSchema) -> None:
    assert list(undescribed(schema)) == []


def test_types_implement_what_was_promised(schema: GraphQLSchema, contract: GraphQLSchema) -> None:
    for name, kind in contract.type_map.items():
        found = schema.type_map.get(name)
        if isinstance(kind, GraphQLObjectType) and isinstance(found, GraphQLObjectType):
            assert {one.name for one in kind.interfaces} <= {one.name for one in found.interfaces}, name
