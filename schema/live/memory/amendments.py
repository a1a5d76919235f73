"""Applies an edit or a deletion to the events in memory that show the message: deleted text is really gone."""

from collections.abc import Sequence
from typing import TypeVar, cast

import msgspec

from chats.events import (
    WITH_MESSAGE,
    DurableEvent,
    MemberLeft,
    MessageDeleted,
    MessageEdited,
    MessageSnapshot,
)

Change = MessageEdited | MessageDeleted
CHANGES = (MessageEdited, MessageDeleted)  # for isinstance, which takes three times as long with a union
E = TypeVar("E")


def message_in(event: object) -> MessageSnapshot | None:
    """The message that the event carries, which an edit or a deletion changes; None for other events."""
    return event.message if isinstance(event, WITH_MESSAGE) else None


def amended(event: DurableEvent, change: Change) -> DurableEvent:
    """The event as a replay from the log shows it after `change`; the same object if it shows another message."""
    message = message_in(event)
    if message is None or message.id != _message_id(change):
        return event
    return _with_message(event, _after(message, change))


def readable_from(event: E, seq: int) -> E:
    """The event for members who may read messages from this seq on: an older message comes without its text."""
    message = message_in(event)
    if message is None or message.seq >= seq:
        return event
    return _with_message(event, msgspec.structs.replace(message, text=""))


def departures_before_a_change(events: Sequence[DurableEvent]) -> list[MemberLeft]:
    """The departures that lie between a message and its later edit or deletion, in events read from the log together.

    The log shows a message as it is now. So the text in front of such a departure is newer than the departure.
    """
    last_change = {_message_id(event): event.seq for event in events if isinstance(event, CHANGES)}
    if not last_change:
        return []
    found = []
    newest_text = 0
    for event in events:
        if isinstance(event, MemberLeft):
            if newest_text > event.seq:
                found.append(event)
        elif (message := message_in(event)) is not None:
            newest_text = max(newest_text, last_change.get(message.id, 0))
    return found


def _with_message(event: E, message: MessageSnapshot) -> E:
    return cast(E, msgspec.structs.replace(cast(msgspec.Struct, event), message=message))


def _message_id(change: Change) -> int:
    return change.message.id if isinstance(change, MessageEdited) else change.message_id


def _after(message: MessageSnapshot, change: Change) -> MessageSnapshot:
    if isinstance(change, MessageEdited):
        return change.message
    return msgspec.structs.replace(message, text="", deleted_at=change.at)
