"""The log, read back. However many events are asked for, the number of queries is the same."""

from collections.abc import Iterable

from django.db.models import QuerySet

from chats.events import DurableEvent
from chats.log.rebuild import Rows, rebuild
from chats.models import Chat, Event, Membership
from chats.models.event import ABOUT_MEMBERS
from chats.profiles import profiles


def read_events(chat_id: int, after_seq: int, limit: int) -> list[DurableEvent]:
    """The next events after `after_seq`, at most `limit`, in order, rebuilt from the rows of now. Two or three queries.

    A message that was edited since has its text of now in every event that shows it; a deleted one is a tombstone.
    """
    return _whole(chat_id, Event.objects.filter(chat_id=chat_id, seq__gt=after_seq).order_by("seq")[:limit])


def read_gap(chat_id: int, from_seq: int, to_seq: int) -> list[DurableEvent]:
    """The events from `from_seq` to `to_seq`, both included, like `read_events`."""
    return _whole(
        chat_id, Event.objects.filter(chat_id=chat_id, seq__range=(from_seq, to_seq)).order_by("seq")
    )


def last_seqs(chat_ids: Iterable[int]) -> dict[int, int]:
    """How far each of these chats has got; missing chats are left out. One query."""
    return dict(Chat.objects.filter(pk__in=list(chat_ids)).values_list("pk", "last_seq"))


def _whole(chat_id: int, found: QuerySet[Event]) -> list[DurableEvent]:
    events = list(found.select_related("message"))
    messages = {event.message.pk: event.message for event in events if event.message is not None}
    subjects = {
        event.subject_id for event in events if event.type in ABOUT_MEMBERS and event.subject_id is not None
    }
    memberships = Membership.objects.filter(chat_id=chat_id, user_id__in=subjects) if subjects else ()
    people = (
        {event.actor_id for event in events} | {message.sender_id for message in messages.values()} | subjects
    )
    rows = Rows(
        profiles=profiles(user_id for user_id in people if user_id is not None),
        messages=messages,
        memberships={membership.user_id: membership for membership in memberships},
    )
    return rebuild(events, rows)
