"""Reads the events that a feed has missed, without showing a former member what was written after they left.

The log shows each message with its current text. A range that ends between a message and its last change shows a text
that is newer than the range; delivered alone, it would show that text to a member who left in between.
"""

from collections.abc import Sequence

from django.conf import settings
from django.db.models import Max

from chats.events import WITH_MESSAGE, DurableEvent, EventType
from chats.log.read import read_range
from chats.models import Event
from chats.models.event import ABOUT_MESSAGES

# Every type that names a message which was posted before.
_CHANGES = tuple(type_ for type_ in ABOUT_MESSAGES if type_ != EventType.MESSAGE_POSTED)


def read_deliverable_gap(chat_id: int, from_seq: int, to_seq: int) -> list[DurableEvent]:
    """The events from `from_seq` to `to_seq`, and those after them that must be delivered together with them.

    Returns [] if these are more than `MAX_REPLAY_EVENTS`: then the feed skips them, like a hole in the log, and goes on
    with the members of that moment.
    """
    while True:
        events = read_range(chat_id, from_seq, to_seq)
        needed_seq = _last_needed_seq(chat_id, events, to_seq)
        if needed_seq <= to_seq:
            return events
        if needed_seq - from_seq >= settings.MAX_REPLAY_EVENTS:
            return []
        to_seq = needed_seq


def _last_needed_seq(chat_id: int, events: Sequence[DurableEvent], to_seq: int) -> int:
    """The seq of the last change whose text these events show, if a member left before it; else `to_seq`."""
    changed = [
        event.message.id
        for event in events
        if isinstance(event, WITH_MESSAGE)
        and (event.message.edited_at is not None or event.message.deleted_at is not None)
    ]
    if not changed:
        return to_seq
    log = Event.objects.filter(chat_id=chat_id)
    last: int | None = log.filter(message_id__in=changed, type__in=_CHANGES, seq__gt=to_seq).aggregate(
        last=Max("seq")
    )["last"]
    if last is None:
        return to_seq
    leaving = log.filter(type=EventType.MEMBER_LEFT, seq__range=(events[0].seq, last))
    return last if leaving.exists() else to_seq
