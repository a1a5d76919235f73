"""Reads the log back as events. However many events are asked for, the number of queries is the same."""

from collections.abc import Iterable

from chats.events import DurableEvent
from chats.log.rebuild import Rows, rebuild
from chats.models import Chat, Event, Membership
from chats.profiles import profiles


def read_range(chat_id: int, from_seq: int, to_seq: int) -> list[DurableEvent]:
    """The events from `from_seq` to `to_seq`, both included, in order, rebuilt from current rows. Two or three queries.

    Every event that shows a message shows its current text, or its tombstone. To deliver a range to subscribers while
    members may have left in between, use `chats.log.gaps`.
    """
    found = Event.objects.filter(chat_id=chat_id, seq__range=(from_seq, to_seq)).order_by("seq")
    events = list(found.select_related("message"))
    messages = {event.message.pk: event.message for event in events if event.message is not None}
    subjects = {event.subject_id for event in events if event.subject_id is not None}
    memberships = Membership.objects.filter(chat_id=chat_id, user_id__in=subjects) if subjects else ()
    people = {event.actor_id for event in events} | {message.sender_id for message in messages.values()}
    rows = Rows(
        profiles=profiles(user_id for user_id in people | subjects if user_id is not None),
        messages=messages,
        memberships={membership.user_id: membership for membership in memberships},
    )
    return rebuild(events, rows)


def last_seqs(chat_ids: Iterable[int]) -> dict[int, int]:
    """The `last_seq` of each of these chats; missing chats are left out. One query."""
    return dict(Chat.objects.filter(pk__in=list(chat_ids)).values_list("pk", "last_seq"))
