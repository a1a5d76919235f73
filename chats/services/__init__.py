"""All writes of the domain, a file per noun: who acts, what is asked, one transaction, an entry in the log, an event.

Synchronous. Ids go in, rows come out, refusals are `ChatError`. Reading is elsewhere.
"""

from chats.services.chats import create_group_chat, start_direct_chat
from chats.services.members import add_members, leave_chat, remove_member
from chats.services.messages import delete_message, edit_message, send_message
from chats.services.typing import set_typing

__all__ = [
    "add_members",
    "create_group_chat",
    "delete_message",
    "edit_message",
    "leave_chat",
    "remove_member",
    "send_message",
    "set_typing",
    "start_direct_chat",
]
