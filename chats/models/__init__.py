"""The rows of the domain, a file per noun, with a database constraint for every invariant.

Only `chats.services` changes rows. Nothing here decides who may do what.
"""

from chats.enums import ChatKind, MemberRole, MessageKind
from chats.events import EventType
from chats.models.chat import Chat
from chats.models.event import Event
from chats.models.membership import Membership
from chats.models.message import Message

__all__ = ["Chat", "ChatKind", "Event", "EventType", "MemberRole", "Membership", "Message", "MessageKind"]
