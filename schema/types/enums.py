"""The domain's enums as GraphQL enums, each value with its description."""

import enum

import strawberry

from chats.models import ChatKind, MemberRole, MessageKind
from foundation.errors import ErrorCode


def expose(enum_class: type[enum.Enum], description: str, *, name: str | None = None, **values: str) -> None:
    """Make a GraphQL enum of `enum_class`; `values` describes each of its members, by name."""
    if set(values) != set(enum_class.__members__):
        raise TypeError(f"Describe every value of {enum_class.__name__}, and no other.")
    strawberry.enum(enum_class, name=name, description=description)
    definition = enum_class.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]


expose(
    ChatKind,
    "What sort of chat it is.",
    DIRECT="Between two people; there is one per pair.",
    GROUP="Among many; has a title and roles.",
)
expose(
    MemberRole,
    "What a member may do.",
    OWNER="Everything, also to admins. A group has one at most.",
    ADMIN="Add and remove members, delete messages of others.",
    MEMBER="Read and write.",
)
expose(
    MessageKind,
    "Who speaks.",
    TEXT="Said by a person or a bot.",
    SYSTEM="Stated by the server.",
)
expose(
    ErrorCode,
    "What went wrong: the value of `extensions.code` in an error.",
    UNAUTHENTICATED="There is no valid access token.",
    FORBIDDEN="The viewer sees the thing and may not do this to it.",
    NOT_FOUND="There is no such thing, or the viewer may not know of it.",
    BAD_INPUT="The request is wrong, whoever sends it; `field` names the argument, where it is one.",
    CONFLICT="It clashes with what is already there.",
    RATE_LIMITED="Too many of these at once; try again after `retryAfterMs`.",
    TOO_LARGE="It is above a bound, which the data names.",
    TOO_COMPLEX="The operation asks for more than the limits allow.",
    GONE="It was there and is no more.",
    INTERNAL="A fault of the server; `errorId` finds it in the log.",
)

EXPOSED = (ErrorCode,)
