"""Writes the log: the lock that orders a chat's events, and the rows of the log. Callers publish the events."""

from collections.abc import Mapping, Sequence

from django.db.models import Exists, OuterRef
from django.utils import timezone

from chats.errors import chat_not_found
from chats.events import DurableEvent, EventType, Profile
from chats.log.rebuild import Rows, rebuild
from chats.models import Chat, Event, Membership, Message
from chats.profiles import profiles


def lock_chat(actor_id: int, chat_id: int) -> tuple[Chat, Membership]:
    """Lock the chat for this transaction; return it and the actor's membership. Raises ChatError NOT_FOUND.

    The chat's row is the first lock that any writer takes, so there is no deadlock, and what is read afterwards stays
    true until the commit. Non-members are refused before they can hold the lock.
    """
    memberships = Membership.objects.filter(chat=OuterRef("pk"), user_id=actor_id)
    chat = Chat.objects.select_for_update(no_key=True).filter(Exists(memberships), pk=chat_id).first()
    # Once more: while we waited for the lock, its holder may have removed the actor.
    membership = Membership.objects.filter(chat_id=chat_id, user_id=actor_id).first() if chat else None
    if chat is None or membership is None:
        raise chat_not_found()
    return chat, membership


def next_entry(
    chat: Chat,
    actor_id: int,
    type_: EventType,
    *,
    message_id: int | None = None,
    subject_id: int | None = None,
    removed: bool = False,
    nth: int = 1,
) -> Event:
    """The nth row of the log after `chat.last_seq`, not saved yet; `subject_id` is the member that it is about."""
    return Event(
        chat_id=chat.pk,
        seq=chat.last_seq + nth,
        type=type_,
        actor_id=actor_id,
        at=timezone.now(),
        message_id=message_id,
        subject_id=subject_id,
        removed=removed,
    )


def append(
    chat: Chat,
    entries: Sequence[Event],
    *,
    messages: Sequence[Message] = (),
    memberships: Sequence[Membership] = (),
    known: Mapping[int, Profile] | None = None,
) -> list[DurableEvent]:
    """Write `entries`, which follow `chat.last_seq`, and return their events, for the caller to publish on commit.

    The caller has locked the chat. `messages` and `memberships` are the rows that the entries name; `known` holds the
    profiles of the people that they name, and spares their query.
    """
    chat.last_seq = entries[-1].seq
    chat.save(update_fields=["last_seq"])
    return record(entries, messages=messages, memberships=memberships, known=known)


def record(
    entries: Sequence[Event],
    *,
    messages: Sequence[Message] = (),
    memberships: Sequence[Membership] = (),
    known: Mapping[int, Profile] | None = None,
) -> list[DurableEvent]:
    """Like `append`, for a chat whose `last_seq` counts these entries already."""
    Event.objects.bulk_create(entries)
    rows = Rows(
        profiles=profiles(_people(entries, messages)) if known is None else known,
        messages={message.pk: message for message in messages},
        memberships={membership.user_id: membership for membership in memberships},
    )
    return rebuild(entries, rows)


def _people(entries: Sequence[Event], messages: Sequence[Message]) -> set[int]:
    ids = [entry.actor_id for entry in entries] + [entry.subject_id for entry in entries]
    ids += [message.sender_id for message in messages]
    return {user_id for user_id in ids if user_id is not None}
