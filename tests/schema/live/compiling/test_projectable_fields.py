"""The fields that are derived as projectable, by name: a change here changes what is shared between viewers."""

from typing import get_args

from chats.events import DurableEvent
from schema.live.compiling.event_types import EVENT_CLASSES
from schema.live.compiling.projectable_fields import projectable_fields

EVENT = {"chatId", "seq", "at", "actor"}
EXPECTED = {
    "User": {"id", "username", "displayName", "avatarUrl", "isBot"},
    "Message": {
        "id",
        "seq",
        "kind",
        "clientId",
        "sender",
        "text",
        "createdAt",
        "editedAt",
        "deletedAt",
    },
    "Membership": {"user", "role", "joinedAt", "lastReadSeq", "lastDeliveredSeq"},
    "MessagePosted": EVENT | {"message"},
    "MessageEdited": EVENT | {"message"},
    "MessageDeleted": EVENT | {"messageId", "messageSeq"},
    "MemberJoined": EVENT | {"member"},
    "MemberLeft": EVENT | {"user", "removed"},
    "MemberRoleChanged": EVENT | {"member"},
    "TypingChanged": {"chatId", "user", "typing"},
    "FeedReady": {"chatId", "seq", "replayed"},
    "FeedReset": {"chatId", "seq", "reason"},
}


def test_the_projectable_fields_of_each_type() -> None:
    assert {name: set(shape) for name, shape in projectable_fields().items()} == EXPECTED


def test_every_durable_event_has_a_graphql_type() -> None:
    """Without one its seq would be missing from every feed."""
    assert set(get_args(DurableEvent)) - EVENT_CLASSES.keys() == set()
