"""`manage.py seed_demo`: creates demo people and chats. A second run finds them and adds nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from chats.management.demo import CONVERSATIONS, PASSWORD, PEOPLE, Conversation, Line
from chats.models import Chat, Event, EventType, Message
from chats.services import create_group_chat, delete_message, edit_message, send_message, start_direct_chat


class Command(BaseCommand):
    """Creates what is missing of the demo. Each conversation is one transaction, hence complete or absent."""

    help = "Create demo people and chats, unless they exist."

    def handle(self, **options: Any) -> None:
        """Refuses to run in production, since the demo people's password is public."""
        del options
        if settings.PRODUCTION:
            raise CommandError("Demo people have a public password: they are not for production.")
        ids = _people()
        now = timezone.now()
        made = sum(_create(conversation, ids, now) for conversation in CONVERSATIONS)
        self.stdout.write(f"Demo: {len(ids)} people, {len(CONVERSATIONS)} chats ({made} new).")


def _people() -> dict[str, int]:
    """The ids of the demo people, by username. Existing people stay as they are."""
    users = get_user_model().objects
    missing = PEOPLE.keys() - set(users.filter(username__in=PEOPLE).values_list("username", flat=True))
    password = make_password(PASSWORD) if missing else ""  # slow by design, hence hashed once
    for username, display_name in PEOPLE.items():
        if username in missing:
            users.create(username=username, display_name=display_name, password=password)
    return dict(users.filter(username__in=PEOPLE).values_list("username", "id"))


@transaction.atomic
def _create(conversation: Conversation, ids: Mapping[str, int], now: datetime) -> bool:
    """Post the lines of a conversation, then date them back. Returns False if the chat has messages already."""
    chat = _chat(conversation, ids)
    if chat.messages.exists():
        return False
    began = now - timedelta(days=conversation.days_ago)
    messages = _post_lines(chat, conversation.lines, ids)
    _date_back(chat, messages, conversation.lines, began)
    _leave_unread(chat, conversation.unread)
    return True


def _chat(conversation: Conversation, ids: Mapping[str, int]) -> Chat:
    maker, *others = (ids[name] for name in conversation.people)
    if conversation.title is None:
        return start_direct_chat(maker, others[0])
    return create_group_chat(maker, conversation.title, others, client_id=f"demo {conversation.title}")


def _post_lines(chat: Chat, lines: tuple[Line, ...], ids: Mapping[str, int]) -> list[Message]:
    messages: list[Message] = []
    for number, line in enumerate(lines):
        sender_id = ids[line.sender]
        reply_to_id = None if line.reply_to is None else messages[line.reply_to].pk
        message = send_message(sender_id, chat.pk, line.text, f"demo {chat.pk} {number}", reply_to_id)
        if line.edited_to is not None:
            message = edit_message(sender_id, message.pk, line.edited_to)
        if line.is_deleted:
            message = delete_message(sender_id, message.pk)
        messages.append(message)
    return messages


def _date_back(chat: Chat, messages: list[Message], lines: tuple[Line, ...], began: datetime) -> None:
    """Make the rows of a conversation look older than they are. Nothing else rewrites history."""
    at = began
    for message, line in zip(messages, lines, strict=True):
        at += timedelta(minutes=line.after)
        message.created_at = at
        message.edited_at = at + timedelta(seconds=40) if message.edited_at else None
        message.deleted_at = at + timedelta(seconds=50) if message.deleted_at else None
    Message.objects.bulk_update(messages, ["created_at", "edited_at", "deleted_at"])
    events = list(chat.events.select_related("message"))
    for event in events:
        event.at = _time_of(event, began)
    Event.objects.bulk_update(events, ["at"])
    chat.memberships.update(joined_at=began)
    Chat.objects.filter(pk=chat.pk).update(created_at=began, last_activity_at=at)


def _time_of(event: Event, began: datetime) -> datetime:
    if event.message is None:
        return began
    times = {
        EventType.MESSAGE_EDITED.value: event.message.edited_at,
        EventType.MESSAGE_DELETED.value: event.message.deleted_at,
    }
    return times.get(event.type) or event.message.created_at


def _leave_unread(chat: Chat, unread: int) -> None:
    """Mark all but the last `unread` messages as read, for their senders up to their own last message."""
    seqs = list(chat.messages.order_by("seq").values_list("seq", "sender_id"))
    read_seq, tail = seqs[-unread - 1][0], seqs[len(seqs) - unread :]
    for membership in chat.memberships.all():
        own = [seq for seq, sender_id in tail if sender_id == membership.user_id]
        membership.last_read_seq = membership.last_delivered_seq = max([read_seq, *own])
        membership.save(update_fields=["last_read_seq", "last_delivered_seq"])
