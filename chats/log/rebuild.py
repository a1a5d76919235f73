"""A row of the log made into an event: what happened, filled in with the current rows of what it names.

The services and the replay both come here, so that what is published and what is replayed later cannot differ in shape.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chats.events import (
    DurableEvent,
    MemberJoined,
    MemberLeft,
    MemberRoleChanged,
    MemberSnapshot,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageSnapshot,
    Profile,
)
from chats.models import Event, EventType, MemberRole, Membership, Message, MessageKind
from chats.profiles import departed


@dataclass(frozen=True, slots=True)
class Rows:
    """What the events of one chat name: messages by id, memberships and profiles by user id."""

    profiles: Mapping[int, Profile]
    messages: Mapping[int, Message] = field(default_factory=dict)
    memberships: Mapping[int, Membership] = field(default_factory=dict)


def rebuild(events: Iterable[Event], rows: Rows) -> list[DurableEvent]:
    """The events of one chat, whole."""
    return [_rebuild_one(event, rows) for event in events]


def _rebuild_one(event: Event, rows: Rows) -> DurableEvent:
    if event.message_id is not None:
        return _about_message(event, rows.messages[event.message_id], rows.profiles)
    assert event.subject_id is not None
    actor = _profile(event.actor_id, rows.profiles)
    if event.type == EventType.MEMBER_LEFT:
        user = rows.profiles.get(event.subject_id) or departed(event.subject_id)
        return MemberLeft(
            chat_id=event.chat_id, seq=event.seq, at=event.at, actor=actor, user=user, removed=event.removed
        )
    kind = MemberJoined if event.type == EventType.MEMBER_JOINED else MemberRoleChanged
    member = _member(event, event.subject_id, rows)
    return kind(chat_id=event.chat_id, seq=event.seq, at=event.at, actor=actor, member=member)


def _about_message(event: Event, message: Message, profiles: Mapping[int, Profile]) -> DurableEvent:
    actor = _profile(event.actor_id, profiles)
    if event.type == EventType.MESSAGE_DELETED:
        return MessageDeleted(
            chat_id=event.chat_id,
            seq=event.seq,
            at=event.at,
            actor=actor,
            message_id=message.pk,
            message_seq=message.seq,
        )
    kind = MessagePosted if event.type == EventType.MESSAGE_POSTED else MessageEdited
    snapshot = message_snapshot(message, _profile(message.sender_id, profiles))
    return kind(chat_id=event.chat_id, seq=event.seq, at=event.at, actor=actor, message=snapshot)


def message_snapshot(message: Message, sender: Profile | None) -> MessageSnapshot:
    """The message as it travels."""
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


def _member(event: Event, user_id: int, rows: Rows) -> MemberSnapshot:
    """The membership of now. Of one who has left since, a later event tells; until then they are a plain member."""
    membership = rows.memberships.get(user_id)
    if membership is None:
        membership = Membership(joined_at=event.at, joined_seq=event.seq, last_read_seq=event.seq)
        membership.last_delivered_seq = event.seq
    is_joining = event.type == EventType.MEMBER_JOINED  # perhaps not the latest time that they joined
    return MemberSnapshot(
        user=rows.profiles.get(user_id) or departed(user_id),
        role=MemberRole(membership.role),
        joined_at=event.at if is_joining else membership.joined_at,
        joined_seq=event.seq if is_joining else membership.joined_seq,
        last_read_seq=membership.last_read_seq,
        last_delivered_seq=membership.last_delivered_seq,
    )


def _profile(user_id: int | None, profiles: Mapping[int, Profile]) -> Profile | None:
    return None if user_id is None else profiles.get(user_id)
