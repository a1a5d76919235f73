"""Deleting really deletes: what becomes of the events in memory when a message that they show is edited or deleted."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from chats.events import (
    DurableEvent,
    MemberLeft,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageSnapshot,
)

Change = MessageEdited | MessageDeleted
E = TypeVar("E")


def amended(event: DurableEvent, change: Change) -> DurableEvent:
    """The event as a replay from the log would show it after `change`; the same object if it shows another message."""
    if isinstance(event, MessagePosted | MessageEdited) and event.message.id == _message_id(change):
        return msgspec.structs.replace(event, message=_current(event.message, change))
    return event


def readable_from(event: E, seq: int) -> E:
    """The event for who may read messages from this seq on: an edit of an older one comes without its text."""
    if isinstance(event, MessageEdited) and event.message.seq < seq:
        return msgspec.structs.replace(event, message=msgspec.structs.replace(event.message, text=""))
    return event


def leaving_before_a_change(events: Sequence[DurableEvent]) -> list[MemberLeft]:
    """Who left, in events read from the log together, between a message and its change.

    The log shows the message as it stands now, so the text that stands before their leaving is from after it.
    """
    last_change = {_message_id(event): event.seq for event in events if isinstance(event, Change)}
    if not last_change:
        return []
    found = []
    shown = 0
    for event in events:
        if isinstance(event, MessagePosted | MessageEdited):
            shown = max(shown, last_change.get(event.message.id, 0))
        elif isinstance(event, MemberLeft) and shown > event.seq:
            found.append(event)
    return found


def _message_id(change: Change) -> int:
    return change.message.id if isinstance(change, MessageEdited) else change.message_id


def _current(message: MessageSnapshot, change: Change) -> MessageSnapshot:
    if isinstance(change, MessageEdited):
        return change.message
    return msgspec.structs.replace(message, text="", deleted_at=change.at)
