"""Derives which GraphQL fields can be encoded from an event itself, and how, from the event structs and the schema.

A field is projectable if it has no arguments, has the same value for every viewer, and reads an attribute of the event
or snapshot whose type determines the JSON. All other fields are left to graphql-core. A projectable field answers
exactly as its resolver does; a property test holds the two equal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
import strawberry
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_enum_type, is_non_null_type

from schema.build import schema
from schema.ids import encode_id
from schema.live.compiling.event_types import (
    EVENT_CLASSES,
    SNAPSHOT_TYPE_NAMES,
    attribute_types,
    type_name,
    type_of_id,
)
from schema.types.events import FeedReady, FeedReset
from schema.types.scope import is_node, is_shareable_field

Encode = Callable[[Any], bytes]

_encode_json = msgspec.json.Encoder().encode

# The classes of the objects that a projection is made for.
PROJECTED_CLASSES: tuple[type, ...] = (*EVENT_CLASSES, FeedReady, FeedReset)

# Python type and GraphQL type of the values that are written as JSON as they are. FeedReady and FeedReset have their
# chat's global id already.
_PLAIN: set[tuple[Any, str]] = {(int, "Int"), (str, "String"), (bool, "Boolean"), (strawberry.ID, "ID")}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar or enum field: how its JSON is made from the object."""

    encode: Encode


@dataclass(frozen=True, slots=True)
class Child:
    """An object field: how its object is read (None for null), and the name of its type."""

    get: Callable[[Any], Any]
    type_name: str


Shape = Mapping[str, Leaf | Child]


@cache
def projectable_fields() -> Mapping[str, Shape]:
    """The projectable fields of each GraphQL type, by their GraphQL names."""
    return {type_name(found): _shape(found) for found in (*PROJECTED_CLASSES, *SNAPSHOT_TYPE_NAMES)}


def _shape(carried: type) -> Shape:
    object_type = schema.graphql_schema.get_type(type_name(carried))
    assert isinstance(object_type, GraphQLObjectType)
    attributes = attribute_types(carried)
    shape: dict[str, Leaf | Child] = {}
    for name, field in object_type.fields.items():
        if field.args or not is_shareable_field(object_type, name):
            continue
        if name == "id" and is_node(object_type):
            key = "id" if "id" in attributes else f"{object_type.name.lower()}_id"
            shape[name] = _global_id(object_type.name, key)
            continue
        attribute = field.extensions["strawberry-definition"].python_name
        found = _projected(attribute, *attributes[attribute], field) if attribute in attributes else None
        if found is not None:
            shape[name] = found
    return shape


def _projected(
    attribute: str, python_type: Any, may_be_none: bool, field: GraphQLField
) -> Leaf | Child | None:
    """How the field is read from the attribute; None if the attribute's type does not determine it."""
    if may_be_none and is_non_null_type(field.type):
        return None  # null would be an error, which graphql-core has to report
    graphql_type = get_named_type(field.type)
    if (python_type, graphql_type.name) in _PLAIN:
        return _json(attribute)
    if python_type is int and graphql_type.name == "ID" and not may_be_none:
        noun = type_of_id(attribute)
        return None if noun is None else _global_id(noun, attribute)
    if python_type is datetime and graphql_type.name == "DateTime":
        return _time(attribute)
    if not isinstance(python_type, type):
        return None
    if issubclass(python_type, Enum) and is_enum_type(graphql_type):
        return _enum(attribute)
    if python_type in SNAPSHOT_TYPE_NAMES and type_name(python_type) == graphql_type.name:
        return Child(attrgetter(attribute), graphql_type.name)
    return None


def _json(attribute: str) -> Leaf:
    """A string, integer or boolean, or null."""
    get = attrgetter(attribute)
    return Leaf(lambda found: _encode_json(get(found)))


def _time(attribute: str) -> Leaf:
    """A time, written as Strawberry's DateTime writes it; or null."""
    get = attrgetter(attribute)

    def encode(found: Any) -> bytes:
        time: datetime | None = get(found)
        return b"null" if time is None else b'"%s"' % time.isoformat().encode()

    return Leaf(encode)


def _enum(attribute: str) -> Leaf:
    """An enum value, by its name; or null."""
    get = attrgetter(attribute)

    def encode(found: Any) -> bytes:
        value: Enum | None = get(found)
        return b"null" if value is None else b'"%s"' % value.name.encode()

    return Leaf(encode)


def _global_id(noun: str, attribute: str) -> Leaf:
    """The global id of the `noun` whose primary key the attribute holds."""
    get = attrgetter(attribute)
    return Leaf(lambda found: b'"%s"' % encode_id(noun, get(found)).encode())
