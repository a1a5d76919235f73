"""The rows of the domain, a file per noun, with a database constraint for every invariant.

Rows change through `chats.services` alone. Nothing here decides who may do what.
"""

from chats.models.chat import Chat, ChatKind
from chats.models.event import Event, EventType
from chats.models.membership import MemberRole, Membership
from chats.models.message import Message, MessageKind

__all__ = ["Chat", "ChatKind", "Event", "EventType", "MemberRole", "Membership", "Message", "MessageKind"]
