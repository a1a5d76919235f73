"""Writing the log: the lock that orders what happens in a chat, and the entries."""

from collections.abc import Mapping, Sequence

from django.db.models import Exists, OuterRef
from django.utils import timezone

from chats.errors import chat_not_found
from chats.events import Profile
from chats.feeds.publish import publish_on_commit
from chats.log.rebuild import Rows, rebuild
from chats.models import Chat, Event, Membership, Message
from chats.profiles import profiles


def lock_chat(actor_id: int, chat_id: int) -> tuple[Chat, Membership]:
    """Lock the chat for this transaction; return it and the actor's membership. Raises ChatError NOT_FOUND.

    The chat's row is the first lock that any writer takes, so there is no deadlock, and what is read afterwards stays
    true until the commit. Others than members are turned away before they can hold the lock.
    """
    seats = Membership.objects.filter(chat=OuterRef("pk"), user_id=actor_id)
    chat = Chat.objects.select_for_update(no_key=True).filter(Exists(seats), pk=chat_id).first()
    # Once more: while we waited for the lock, its holder may have removed the actor.
    membership = Membership.objects.filter(chat_id=chat_id, user_id=actor_id).first() if chat else None
    if chat is None or membership is None:
        raise chat_not_found()
    return chat, membership


def append(
    chat: Chat,
    events: Sequence[Event],
    *,
    messages: Sequence[Message] = (),
    memberships: Sequence[Membership] = (),
    known: Mapping[int, Profile] | None = None,
) -> None:
    """Write `events`, which are numbered from `chat.last_seq` on, and publish them on commit. The chat is locked.

    `messages` and `memberships` are the rows that they name; `known` spares the query for people's profiles.
    """
    chat.last_seq = events[-1].seq
    chat.save(update_fields=["last_seq"])
    record(events, messages=messages, memberships=memberships, known=known)


def record(
    events: Sequence[Event],
    *,
    messages: Sequence[Message] = (),
    memberships: Sequence[Membership] = (),
    known: Mapping[int, Profile] | None = None,
) -> None:
    """Like `append`, for a chat whose `last_seq` counts these events already."""
    Event.objects.bulk_create(events)
    rows = Rows(
        profiles=profiles(_people(events, messages)) if known is None else known,
        messages={message.pk: message for message in messages},
        memberships={membership.user_id: membership for membership in memberships},
    )
    publish_on_commit(*rebuild(events, rows))


def entry(chat: Chat, actor_id: int, nth: int = 1) -> Event:
    """The nth entry after `chat.last_seq`, for the caller to fill in."""
    return Event(chat_id=chat.pk, seq=chat.last_seq + nth, actor_id=actor_id, at=timezone.now())


def _people(events: Sequence[Event], messages: Sequence[Message]) -> set[int]:
    ids = [event.actor_id for event in events] + [event.subject_id for event in events]
    ids += [message.sender_id for message in messages]
    return {user_id for user_id in ids if user_id is not None}
