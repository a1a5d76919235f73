"""The mutation fields, a file per noun. A resolver checks the caller, calls one service and returns its result."""

from strawberry.tools import merge_types

from schema.mutations.auth import AuthMutations
from schema.mutations.chats import ChatMutations
from schema.mutations.members import MemberMutations
from schema.mutations.messages import MessageMutations
from schema.mutations.sockets import SocketMutations
from schema.mutations.typing import TypingMutations

Mutation = merge_types(
    "Mutation",
    (AuthMutations, SocketMutations, ChatMutations, MemberMutations, MessageMutations, TypingMutations),
)
