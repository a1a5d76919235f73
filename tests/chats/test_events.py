"""Events: their bytes, and what is derived from their structs."""

import datetime
from typing import get_args

import msgspec
import pytest

from chats.events import (
    STRUCT_OF,
    WITH_MESSAGE,
    DurableEvent,
    Event,
    EventFormatError,
    EventType,
    MemberJoined,
    MemberLeft,
    MemberRoleChanged,
    MemberSnapshot,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageSnapshot,
    Profile,
    TypingChanged,
    decode,
    encode,
)
from chats.log.rebuild import FIELDS
from chats.models import MemberRole, MessageKind
from chats.models.event import ABOUT_MEMBERS, ABOUT_MESSAGES

AT = datetime.datetime(2025, 3, 4, 5, 6, 7, 891011, tzinfo=datetime.UTC)
ANN = Profile(user_id=2**53 + 1, username="ann", display_name="Ann \U0001f375", avatar_url=None, is_bot=False)
MESSAGE = MessageSnapshot(
    id=9,
    chat_id=7,
    seq=3,
    kind=MessageKind.TEXT,
    client_id="one",
    sender=ANN,
    text="Hello",
    reply_to_id=8,
    created_at=AT,
    edited_at=None,
    deleted_at=None,
)
MEMBER = MemberSnapshot(
    user=ANN, role=MemberRole.OWNER, joined_at=AT, joined_seq=1, last_read_seq=1, last_delivered_seq=1
)
EVENTS: list[Event] = [
    MessagePosted(chat_id=7, seq=3, at=AT, actor=ANN, message=MESSAGE),
    MessageEdited(chat_id=7, seq=4, at=AT, actor=None, message=MESSAGE),
    MessageDeleted(chat_id=7, seq=5, at=AT, actor=ANN, message_id=9, message_seq=3),
    MemberJoined(chat_id=7, seq=6, at=AT, actor=ANN, member=MEMBER),
    MemberLeft(chat_id=7, seq=7, at=AT, actor=ANN, user=ANN, removed=True),
    MemberRoleChanged(chat_id=7, seq=8, at=AT, actor=ANN, member=MEMBER),
    TypingChanged(chat_id=7, user=ANN, typing=True),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_decoding_returns_what_was_encoded(event: Event) -> None:
    received = decode(encode(event))
    assert received == event
    assert type(received) is type(event)


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        MESSAGE.text = "Hullo"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "truncated"),
        (b"\xc1", "Not an event"),
        (msgspec.msgpack.encode({"type": "SunRisen", "chat_id": 7}), "SunRisen"),
        (msgspec.msgpack.encode({"chat_id": 7}), "missing required field `type`"),
        (msgspec.msgpack.encode({"type": "TypingChanged", "chat_id": 7, "typing": True}), "user"),
        (encode(EVENTS[-1]).replace(b"user_id", b"user_xx"), "user_xx"),
        (encode(EVENTS[0]).replace(b"TEXT", b"SONG"), "SONG"),
    ],
)
def test_other_bytes_are_refused_with_a_reason(data: bytes, complaint: str) -> None:
    with pytest.raises(EventFormatError, match=complaint):
        decode(data)


def test_each_type_has_a_struct_of_its_name() -> None:
    assert set(STRUCT_OF) == set(EventType)
    assert STRUCT_OF[EventType.MEMBER_ROLE_CHANGED] is MemberRoleChanged
    assert {type(event) for event in EVENTS} == set(get_args(Event))


def test_each_type_is_about_a_message_or_about_a_member() -> None:
    assert sorted(ABOUT_MESSAGES + ABOUT_MEMBERS) == sorted(EventType)


@pytest.mark.parametrize("struct", get_args(DurableEvent), ids=lambda struct: struct.__name__)
def test_each_field_can_be_rebuilt_and_a_message_is_in_the_field_of_that_name(struct: type) -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(struct)}
    assert fields.keys() <= FIELDS.keys()
    snapshots = {name for name, type_ in fields.items() if type_ in (MessageSnapshot, MessageSnapshot | None)}
    assert snapshots <= {"message"}
    assert issubclass(struct, WITH_MESSAGE) is bool(snapshots)
