"""How often one user may write."""

import pytest
from django.conf import LazySettings

from tests.factories import make_group, make_users, say
from tests.schema.executing import code_of, count_rows, execute, ids

pytestmark = pytest.mark.usefixtures("inline_database")

SEND = 'mutation ($chat: ID!) { sendMessage(input: {chatId: $chat, text: "x"}) { id } }'
EDIT = 'mutation ($message: ID!) { editMessage(messageId: $message, text: "y") { id } }'
DELETE = "mutation ($message: ID!) { deleteMessage(messageId: $message) { id } }"
DIRECT = "mutation ($user: ID!) { startDirectChat(userId: $user) { id } }"
GROUP = 'mutation { createGroupChat(input: {title: "x", memberIds: []}) { id } }'
ADD = "mutation ($chat: ID!, $user: ID!) { addMembers(chatId: $chat, userIds: [$user]) { id } }"
REMOVE = "mutation ($chat: ID!, $user: ID!) { removeMember(chatId: $chat, userId: $user) { id } }"
LEAVE = "mutation ($chat: ID!) { leaveChat(chatId: $chat) }"


@pytest.mark.parametrize(
    ("rate", "write"),
    [
        ("send", SEND),
        ("send", EDIT),
        ("send", DELETE),
        ("chats", DIRECT),
        ("chats", GROUP),
        ("chats", ADD),
        ("chats", REMOVE),
        ("chats", LEAVE),
    ],
)
async def test_writes_above_the_rate_are_refused(settings: LazySettings, rate: str, write: str) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, rate: "1/minute"}
    ann, bob = make_users(2)
    chat = make_group(ann, bob)
    (chat_id,), (message_id,), (user_id,) = ids(chat), ids(say(ann, chat)), ids(bob)
    allowed = await (execute(ann, SEND, chat=chat_id) if rate == "send" else execute(ann, GROUP))
    assert "errors" not in allowed
    before = count_rows()
    variables = {"chat": chat_id, "message": message_id, "user": user_id}
    wanted = {name: value for name, value in variables.items() if f"${name}:" in write}
    assert await code_of(ann, write, **wanted) == "RATE_LIMITED"
    assert count_rows() == before
