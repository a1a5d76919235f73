"""Exposes the domain's enums as GraphQL enums, with a description for every value."""

import enum

import strawberry

from chats.models import ChatKind, MemberRole, MessageKind
from foundation.errors import ErrorCode


def expose(enum_class: type[enum.Enum], description: str, *, name: str | None = None, **values: str) -> None:
    """Register `enum_class` as a GraphQL enum; `values` maps each member's name to its description.

    Raises TypeError unless `values` describes every member, and no other.
    """
    if set(values) != set(enum_class.__members__):
        raise TypeError(f"Describe every value of {enum_class.__name__} and no others.")
    strawberry.enum(enum_class, name=name, description=description)
    definition = enum_class.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]


expose(
    ChatKind,
    "The kind of a chat.",
    DIRECT="A chat of two users; there is at most one per pair.",
    GROUP="A chat with a title, any number of members, and roles.",
)
expose(
    MemberRole,
    "What a member is allowed to do in a chat.",
    OWNER="May do everything, including actions on admins. A group has at most one owner.",
    ADMIN="May add and remove members, and delete messages of others.",
    MEMBER="May read and write messages.",
)
expose(
    MessageKind,
    "Who wrote a message.",
    TEXT="Written by a person or a bot.",
    SYSTEM="Written by the server.",
)
expose(
    ErrorCode,
    "What went wrong: the value of `extensions.code` in an error.",
    UNAUTHENTICATED="The request has no valid access token.",
    FORBIDDEN="The viewer can see the object but is not allowed to do this to it.",
    NOT_FOUND="The object does not exist, or the viewer is not allowed to see it.",
    BAD_INPUT="The request is invalid, regardless of who sends it; `field` names the invalid argument, if there is "
    "one.",
    CONFLICT="The request conflicts with existing data.",
    RATE_LIMITED="Too many requests or operations at once; try again after `retryAfterMs`.",
    TOO_LARGE="The request exceeds a bound, which `extensions` names.",
    TOO_COMPLEX="The operation asks for more than the limits allow.",
    GONE="The object existed but no longer does.",
    INTERNAL="The server failed; `errorId` identifies the error in the server's log.",
)

EXPOSED = (ErrorCode,)
