"""The events of chats: their types, their fields, and their bytes between processes.

An event carries everything that its subscribers see, so that delivering it needs no query. A durable event has a seq
and can be replayed from the log. An ephemeral one has none: the latest wins. Between processes both travel as
MessagePack, tagged with the name of their type; unknown types and unknown fields are refused.

A new durable event is a struct here, listed in `DurableEvent`, and a member of `EventType` with the same name. How it
is stored, rebuilt and measured follows from the names and types of its fields.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, get_args

import msgspec
from django.db import models

from chats.enums import MemberRole, MessageKind


class EventFormatError(ValueError):
    """Bytes that are no event of this version."""


class EventType(models.TextChoices):
    """The durable events, as the log names them: MESSAGE_POSTED is the struct MessagePosted."""

    MESSAGE_POSTED = "MESSAGE_POSTED"
    MESSAGE_EDITED = "MESSAGE_EDITED"
    MESSAGE_DELETED = "MESSAGE_DELETED"
    MEMBER_JOINED = "MEMBER_JOINED"
    MEMBER_LEFT = "MEMBER_LEFT"
    MEMBER_ROLE_CHANGED = "MEMBER_ROLE_CHANGED"


class Profile(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """The public part of a person's account."""

    user_id: int
    username: str
    display_name: str
    avatar_url: str | None
    is_bot: bool


class MessageSnapshot(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A message as every member sees it. A deleted message has an empty text."""

    id: int
    chat_id: int
    seq: int
    kind: MessageKind
    client_id: str | None
    sender: Profile | None
    text: str
    reply_to_id: int | None
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None


class MemberSnapshot(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A membership as every member sees it."""

    user: Profile
    role: MemberRole
    joined_at: datetime
    joined_seq: int
    last_read_seq: int
    last_delivered_seq: int


class _Durable(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    chat_id: int
    seq: int
    at: datetime
    actor: Profile | None


class MessagePosted(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """A new message. A replay shows its current text, or its tombstone."""

    message: MessageSnapshot


class MessageEdited(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """The sender changed the text. A replay shows the current text, or the tombstone."""

    message: MessageSnapshot


class MessageDeleted(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """The message's text was erased; its tombstone stays."""

    message_id: int
    message_seq: int


class MemberJoined(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """A person joined; the actor added them."""

    member: MemberSnapshot


class MemberLeft(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """A person is no longer a member; `removed` if another member removed them."""

    user: Profile
    removed: bool


class MemberRoleChanged(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """A member has another role. A replay shows the current role."""

    member: MemberSnapshot


class TypingChanged(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True
):
    """A member started or stopped typing."""

    chat_id: int
    user: Profile
    typing: bool


DurableEvent = MessagePosted | MessageEdited | MessageDeleted | MemberJoined | MemberLeft | MemberRoleChanged
EphemeralEvent = TypingChanged
Event = DurableEvent | EphemeralEvent


def _type_of(struct: type[DurableEvent]) -> EventType:
    return EventType(re.sub(r"(?<!^)(?=[A-Z])", "_", struct.__name__).upper())


# Raises ValueError at import for a struct without a type of its name.
STRUCT_OF: Mapping[EventType, type[DurableEvent]] = {
    _type_of(struct): struct for struct in get_args(DurableEvent)
}


class CarriesMessage(Protocol):
    """An event with a message snapshot, hence with a text that not every former member may read."""

    @property
    def message(self) -> MessageSnapshot:
        """The message."""


# For isinstance(), which takes three times as long for a union.
WITH_MESSAGE: tuple[type[CarriesMessage], ...] = tuple(
    struct for struct in get_args(DurableEvent) if "message" in struct.__struct_fields__
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event's bytes, for `decode`."""
    return _encoder.encode(event)


def decode(data: bytes) -> Event:
    """The event that `encode` wrote, with its times in UTC.

    Raises EventFormatError for bytes that are no event, for an unknown type (the error names it) and for unknown or
    missing fields.
    """
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise EventFormatError(f"Not an event of this version: {error}") from None
