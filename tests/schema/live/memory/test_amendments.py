"""Every durable event that carries a message is amended by an edit or a deletion of that message."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given

from chats.events import DurableEvent, MessageDeleted, MessageEdited, MessageSnapshot
from schema.live.memory.amendments import amended, readable_from
from tests.schema.live.generated_events import DURABLE, MESSAGES

CARRYING = {
    struct
    for struct in get_args(DurableEvent)
    if any(field.type is MessageSnapshot for field in msgspec.structs.fields(struct))
}


def deletion_of(event: DurableEvent, message_id: int) -> MessageDeleted:
    return MessageDeleted(
        chat_id=event.chat_id,
        seq=event.seq + 1,
        at=event.at,
        actor=None,
        message_id=message_id,
        message_seq=1,
    )


@given(DURABLE)
def test_a_deletion_removes_the_text_from_every_event_with_the_message(event: DurableEvent) -> None:
    message: MessageSnapshot | None = getattr(event, "message", None)
    assert (message is not None) == (type(event) in CARRYING)
    if message is None:
        assert amended(event, deletion_of(event, 1)) is event
        return
    changed = amended(event, deletion_of(event, message.id))
    assert changed == msgspec.structs.replace(
        event, message=msgspec.structs.replace(message, text="", deleted_at=event.at)
    )
    assert amended(event, deletion_of(event, message.id + 1)) is event


@given(DURABLE, MESSAGES)
def test_an_edit_replaces_the_message(event: DurableEvent, new: MessageSnapshot) -> None:
    message: MessageSnapshot | None = getattr(event, "message", None)
    if message is not None:
        new = msgspec.structs.replace(new, id=message.id)
        edit = MessageEdited(chat_id=event.chat_id, seq=event.seq + 1, at=event.at, actor=None, message=new)
        assert amended(event, edit) == msgspec.structs.replace(event, message=new)


@pytest.mark.parametrize("offset", [0, 1])
@given(event=DURABLE)
def test_a_message_from_before_the_first_readable_seq_comes_without_its_text(
    offset: int, event: DurableEvent
) -> None:
    message: MessageSnapshot | None = getattr(event, "message", None)
    if message is None:
        assert readable_from(event, 2**40) is event
        return
    text = "" if offset else message.text
    shown = readable_from(event, message.seq + offset)
    assert shown == msgspec.structs.replace(event, message=msgspec.structs.replace(message, text=text))
