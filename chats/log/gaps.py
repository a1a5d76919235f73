"""What a feed has missed, read so that it can be handed on without telling anybody what came after they had left.

The log shows each message as it stands now. A page that ends between a message and its last change shows a text that
is newer than the page; handed on alone, it would tell that text to who left in between.
"""

from collections.abc import Sequence

from django.conf import settings
from django.db.models import Max

from chats.events import DurableEvent, MessageEdited, MessagePosted
from chats.log.read import read_gap as read_page
from chats.models import Event, EventType

_CHANGES = (EventType.MESSAGE_EDITED, EventType.MESSAGE_DELETED)


def read_gap(chat_id: int, from_seq: int, to_seq: int) -> list[DurableEvent]:
    """The events from `from_seq` to `to_seq`, and after them those without which they must not be handed on.

    None if that were more than `MAX_REPLAY_EVENTS`: then the feed leaps, as over a hole in the log, with the members of
    that moment.
    """
    while True:
        events = read_page(chat_id, from_seq, to_seq)
        settled = _settled_at(chat_id, events, to_seq)
        if settled <= to_seq:
            return events
        if settled - from_seq >= settings.MAX_REPLAY_EVENTS:
            return []
        to_seq = settled


def _settled_at(chat_id: int, events: Sequence[DurableEvent], to_seq: int) -> int:
    """The seq of the last change that these events show, if somebody left before it."""
    changed = [
        event.message.id
        for event in events
        if isinstance(event, MessagePosted | MessageEdited)
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
