"""The events' bytes."""

import datetime

import msgspec
import pytest

from chats.events import (
    DeliveredMarkerMoved,
    Event,
    EventFormatError,
    MemberJoined,
    MemberLeft,
    MemberRoleChanged,
    MemberSnapshot,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageSnapshot,
    Profile,
    ReadMarkerMoved,
    TypingChanged,
    decode,
    encode,
)
from chats.models import MemberRole, MessageKind

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
    ReadMarkerMoved(chat_id=7, user=ANN, seq=3),
    DeliveredMarkerMoved(chat_id=7, user=ANN, seq=3),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_went(event: Event) -> None:
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
        (msgspec.msgpack.encode({"type": "ReadMarkerMoved", "chat_id": 7, "seq": 1}), "user"),
        (encode(EVENTS[-1]).replace(b"user_id", b"user_xx"), "user_xx"),
        (encode(EVENTS[0]).replace(b"TEXT", b"SONG"), "SONG"),
    ],
)
def test_what_is_no_event_is_refused_by_name(data: bytes, complaint: str) -> None:
    with pytest.raises(EventFormatError, match=complaint):
        decode(data)
