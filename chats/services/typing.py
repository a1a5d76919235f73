"""Publishes that a member is typing, to current subscribers only; nothing stores it."""

from chats.access import require_member
from chats.events import TypingChanged
from chats.feeds.publish import publish
from chats.profiles import profiles


def set_typing(actor_id: int, chat_id: int, typing: bool) -> None:
    """Publish that the actor starts or stops typing. Clients forget it by themselves after some seconds.

    Raises ChatError NOT_FOUND if the actor is a non-member.
    """
    require_member(actor_id, chat_id)
    publish(TypingChanged(chat_id=chat_id, user=profiles([actor_id])[actor_id], typing=typing))
