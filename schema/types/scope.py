"""Which fields have the same value for every viewer, so that an event can be executed once for all of them.

A plain attribute has. A field with a resolver has not, unless it is declared SHAREABLE: a forgotten declaration costs
speed, never privacy.
"""

from typing import Any, Final

from graphql import GraphQLInterfaceType, GraphQLObjectType, is_object_type
from strawberry.types.field import StrawberryField

SHAREABLE: Final[dict[Any, Any]] = {"parlor.shareable": True}


def is_shareable_field(parent: object, name: str) -> bool:
    """Whether the field `name` of the GraphQL type `parent` has one value for all viewers who may see its object."""
    if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return False
    if name == "id" and is_node(parent):
        return True  # made of the type's name and the primary key
    definition = parent.fields[name]
    if is_object_type(parent) and definition.resolve is None:
        return True
    field = (definition.extensions or {}).get("strawberry-definition")
    if not isinstance(field, StrawberryField):
        return False
    if field.metadata.get("parlor.shareable"):
        return True
    return field.base_resolver is None and not getattr(field, "is_relation", False)


def is_node(parent: GraphQLObjectType | GraphQLInterfaceType) -> bool:
    """Whether the type implements Relay's Node: its `id` is a global id."""
    return any(interface.name == "Node" for interface in parent.interfaces)
