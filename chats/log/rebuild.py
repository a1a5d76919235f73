"""Makes events from rows of the log: what happened, filled in with the current rows that it names.

The services and the replay both come here, so that a published event and its replay have the same shape.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chats.enums import MemberRole, MessageKind
from chats.events import (
    STRUCT_OF,
    DurableEvent,
    EventType,
    MemberSnapshot,
    MessageSnapshot,
    Profile,
)
from chats.models import Event, Membership, Message
from chats.profiles import departed


@dataclass(frozen=True, slots=True)
class Rows:
    """What the events of one chat name: messages by id, memberships and profiles by user id."""

    profiles: Mapping[int, Profile]
    messages: Mapping[int, Message] = field(default_factory=dict)
    memberships: Mapping[int, Membership] = field(default_factory=dict)


def rebuild(events: Iterable[Event], rows: Rows) -> list[DurableEvent]:
    """The events of one chat, with all their fields."""
    return [_rebuild_one(event, rows) for event in events]


def _rebuild_one(event: Event, rows: Rows) -> DurableEvent:
    struct = STRUCT_OF[EventType(event.type)]
    return struct(**{name: FIELDS[name](event, rows) for name in struct.__struct_fields__})


def message_snapshot(message: Message, sender: Profile | None) -> MessageSnapshot:
    """The message as events carry it."""
    return MessageSnapshot(
        id=message.pk,
        chat_id=message.chat_id,
        seq=message.seq,
        kind=MessageKind(message.kind),
        client_id=message.client_id,
        sender=sender,
        text=message.text,
        reply_to_id=message.reply_to_id,
        created_at=message.created_at,
        edited_at=message.edited_at,
        deleted_at=message.deleted_at,
    )


def _actor(event: Event, rows: Rows) -> Profile | None:
    return _profile(event.actor_id, rows)


def _message(event: Event, rows: Rows) -> MessageSnapshot:
    message = _message_row(event, rows)
    return message_snapshot(message, _profile(message.sender_id, rows))


def _message_row(event: Event, rows: Rows) -> Message:
    assert event.message_id is not None
    return rows.messages[event.message_id]


def _user(event: Event, rows: Rows) -> Profile:
    assert event.subject_id is not None
    return rows.profiles.get(event.subject_id) or departed(event.subject_id)


def _member(event: Event, rows: Rows) -> MemberSnapshot:
    """The current membership. For a person who has left since: a plain member, until the later event removes them."""
    assert event.subject_id is not None
    membership = rows.memberships.get(event.subject_id)
    if membership is None:
        membership = Membership(joined_at=event.at, joined_seq=event.seq, last_read_seq=event.seq)
        membership.last_delivered_seq = event.seq
    is_joining = event.type == EventType.MEMBER_JOINED  # perhaps not the latest time that they joined
    return MemberSnapshot(
        user=_user(event, rows),
        role=MemberRole(membership.role),
        joined_at=event.at if is_joining else membership.joined_at,
        joined_seq=event.seq if is_joining else membership.joined_seq,
        last_read_seq=membership.last_read_seq,
        last_delivered_seq=membership.last_delivered_seq,
    )


def _profile(user_id: int | None, rows: Rows) -> Profile | None:
    return None if user_id is None else rows.profiles.get(user_id)


# How each field of an event is read from its row.
FIELDS: Mapping[str, Callable[[Event, Rows], Any]] = {
    "chat_id": lambda event, _rows: event.chat_id,
    "seq": lambda event, _rows: event.seq,
    "at": lambda event, _rows: event.at,
    "actor": _actor,
    "message": _message,
    "message_id": lambda event, rows: _message_row(event, rows).pk,
    "message_seq": lambda event, rows: _message_row(event, rows).seq,
    "member": _member,
    "user": _user,
    "removed": lambda event, _rows: event.removed,
}
