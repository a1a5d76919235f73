"""What happens in chats, as it travels: frozen, typed, and complete, so that delivering it needs no query.

A durable event has a seq and can be replayed from the log. An ephemeral one has none: the latest wins. Between
processes both travel as MessagePack, tagged with the name of their type; unknown types and unknown fields are refused.
"""

from datetime import datetime

import msgspec

from chats.models.membership import MemberRole
from chats.models.message import MessageKind


class EventFormatError(ValueError):
    """Bytes that are no event of this version."""


class Profile(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What everybody may see of a person."""

    user_id: int
    username: str
    display_name: str
    avatar_url: str | None
    is_bot: bool


class MessageSnapshot(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A message as every member sees it. The text is empty once it is deleted."""

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
    """A message came. Replayed: as it stands now, edited or a tombstone."""

    message: MessageSnapshot


class MessageEdited(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """Its sender changed the text. Replayed: as it stands now."""

    message: MessageSnapshot


class MessageDeleted(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """The message's text is gone for good."""

    message_id: int
    message_seq: int


class MemberJoined(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """Somebody came in; the actor is whoever let them in."""

    member: MemberSnapshot


class MemberLeft(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """Somebody is no longer a member; `removed` if another took them out."""

    user: Profile
    removed: bool


class MemberRoleChanged(_Durable, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True):
    """A member's role is another. Replayed: the role of now."""

    member: MemberSnapshot


class TypingChanged(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True
):
    """Somebody began or ceased to write."""

    chat_id: int
    user: Profile
    typing: bool


class ReadMarkerMoved(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True
):
    """Somebody has read all up to `seq`."""

    chat_id: int
    user: Profile
    seq: int


class DeliveredMarkerMoved(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag=True
):
    """Somebody's device has received all up to `seq`."""

    chat_id: int
    user: Profile
    seq: int


DurableEvent = MessagePosted | MessageEdited | MessageDeleted | MemberJoined | MemberLeft | MemberRoleChanged
EphemeralEvent = TypingChanged | ReadMarkerMoved | DeliveredMarkerMoved
Event = DurableEvent | EphemeralEvent

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event's bytes, for `decode`."""
    return _encoder.encode(event)


def decode(data: bytes) -> Event:
    """The event that `encode` wrote; times come back in UTC.

    Raises EventFormatError for bytes that are no event, for an unknown type (its text names the type) and for
    unknown or missing fields.
    """
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise EventFormatError(f"Not an event of this version: {error}") from None
