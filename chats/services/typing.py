"""That somebody is writing: told to those who follow the chat now, and kept nowhere."""

from chats.access import require_member
from chats.events import TypingChanged
from chats.feeds.publish import publish
from chats.profiles import profiles


def set_typing(actor_id: int, chat_id: int, typing: bool) -> None:
    """Tell the chat that the actor begins or ceases to write.

    Raises ChatError NOT_FOUND for who is not a member. Clients forget it by themselves after some seconds.
    """
    require_member(actor_id, chat_id)
    publish(TypingChanged(chat_id=chat_id, user=profiles([actor_id])[actor_id], typing=typing))
