"""What of the schema can be read from an event itself: for each type, how each field's JSON is made from the snapshot.

A field that is not here (it has arguments, needs a lookup, or depends on the viewer) is left to graphql-core. Every
field that is here answers exactly as its resolver does; a property test holds the two equal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any

import msgspec

from chats import events
from schema.ids import encode_id
from schema.types import events as types

Encode = Callable[[Any], bytes]

_encode_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar or enum field: from the object to JSON."""

    encode: Encode


@dataclass(frozen=True, slots=True)
class Child:
    """An object field: where its object is (None for null), and of what type."""

    get: Callable[[Any], Any]
    type_name: str


Shape = Mapping[str, Leaf | Child]


def _json(name: str) -> Leaf:
    """A string, integer or boolean, or null."""
    get = attrgetter(name)
    return Leaf(lambda found: _encode_json(get(found)))


def _time(name: str) -> Leaf:
    """A moment, written as Strawberry's DateTime writes it; or null."""
    get = attrgetter(name)

    def encode(found: Any) -> bytes:
        moment: datetime | None = get(found)
        return b"null" if moment is None else b'"%s"' % moment.isoformat().encode()

    return Leaf(encode)


def _enum(name: str) -> Leaf:
    """An enum value, by its name."""
    get = attrgetter(name)

    def encode(found: Any) -> bytes:
        value: Enum = get(found)
        return b'"%s"' % value.name.encode()

    return Leaf(encode)


def _id(type_name: str, name: str) -> Leaf:
    """A global id."""
    get = attrgetter(name)
    return Leaf(lambda found: b'"%s"' % encode_id(type_name, get(found)).encode())


def _child(name: str, type_name: str) -> Child:
    return Child(attrgetter(name), type_name)


_EVENT: Shape = {
    "chatId": _id("Chat", "chat_id"),
    "seq": _json("seq"),
    "at": _time("at"),
    "actor": _child("actor", "User"),
}

SHAPES: Mapping[str, Shape] = {
    "User": {
        "id": _id("User", "user_id"),
        "username": _json("username"),
        "displayName": _json("display_name"),
        "avatarUrl": _json("avatar_url"),
        "isBot": _json("is_bot"),
    },
    "Message": {
        "id": _id("Message", "id"),
        "seq": _json("seq"),
        "kind": _enum("kind"),
        "clientId": _json("client_id"),
        "sender": _child("sender", "User"),
        "text": _json("text"),
        "createdAt": _time("created_at"),
        "editedAt": _time("edited_at"),
        "deletedAt": _time("deleted_at"),
    },
    "Membership": {
        "user": _child("user", "User"),
        "role": _enum("role"),
        "joinedAt": _time("joined_at"),
        "lastReadSeq": _json("last_read_seq"),
        "lastDeliveredSeq": _json("last_delivered_seq"),
    },
    "MessagePosted": {**_EVENT, "message": _child("message", "Message")},
    "MessageEdited": {**_EVENT, "message": _child("message", "Message")},
    "MessageDeleted": {
        **_EVENT,
        "messageId": _id("Message", "message_id"),
        "messageSeq": _json("message_seq"),
    },
    "MemberJoined": {**_EVENT, "member": _child("member", "Membership")},
    "MemberLeft": {**_EVENT, "user": _child("user", "User"), "removed": _json("removed")},
    "MemberRoleChanged": {**_EVENT, "member": _child("member", "Membership")},
    "TypingChanged": {
        "chatId": _id("Chat", "chat_id"),
        "user": _child("user", "User"),
        "typing": _json("typing"),
    },
    "FeedReady": {"chatId": _json("chat_id"), "seq": _json("seq"), "replayed": _json("replayed")},
    "FeedReset": {"chatId": _json("chat_id"), "seq": _json("seq"), "reason": _enum("reason")},
}

TYPE_NAMES: Mapping[type, str] = {
    events.MessagePosted: "MessagePosted",
    events.MessageEdited: "MessageEdited",
    events.MessageDeleted: "MessageDeleted",
    events.MemberJoined: "MemberJoined",
    events.MemberLeft: "MemberLeft",
    events.MemberRoleChanged: "MemberRoleChanged",
    events.TypingChanged: "TypingChanged",
    types.FeedReady: "FeedReady",
    types.FeedReset: "FeedReset",
}
