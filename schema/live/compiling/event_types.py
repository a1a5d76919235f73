"""Finds the GraphQL type of each event and snapshot, and reads the types of their attributes."""

from types import NoneType
from typing import Any, get_args, get_type_hints

from chats import events
from schema.build import schema
from schema.types import events as types

# An event has the name of its GraphQL type. A snapshot has another name.
SNAPSHOT_TYPE_NAMES: dict[type, str] = {
    events.Profile: "User",
    events.MessageSnapshot: "Message",
    events.MemberSnapshot: "Membership",
}

_OBJECT_CLASSES: dict[str, type] = {found.__name__: found for found in get_args(types.CommonFeedEvent)}

# The event structs that feeds carry, with the Strawberry class of each.
EVENT_CLASSES: dict[type, type] = {
    struct: _OBJECT_CLASSES[struct.__name__]
    for struct in get_args(events.Event)
    if struct.__name__ in _OBJECT_CLASSES
}


def type_name(carried: type) -> str:
    """The name of the GraphQL type of an event, a snapshot or a Strawberry object."""
    return SNAPSHOT_TYPE_NAMES.get(carried, carried.__name__)


def attribute_types(carried: type) -> dict[str, tuple[Any, bool]]:
    """The attributes of an event, a snapshot or a Strawberry object: each one's type, and whether it may be None."""
    return {name: _without_none(annotation) for name, annotation in get_type_hints(carried).items()}


def type_of_id(attribute: str) -> str | None:
    """The GraphQL type that an attribute `<noun>_id` identifies ("chat_id": "Chat"); None if there is no such type."""
    noun = "".join(word.capitalize() for word in attribute.removesuffix("_id").split("_"))
    return noun if attribute.endswith("_id") and schema.graphql_schema.get_type(noun) is not None else None


def _without_none(annotation: Any) -> tuple[Any, bool]:
    members = get_args(annotation)
    if NoneType not in members:
        return annotation, False
    others = [member for member in members if member is not NoneType]
    return (others[0] if len(others) == 1 else annotation), True
