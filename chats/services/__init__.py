"""All writes of the domain, a file per noun: each is one transaction that writes the log and publishes on commit.

The functions are synchronous. They take ids, return rows, and raise `ChatError` for refusals.
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
