"""The names of channel-layer groups."""


def chat_group(chat_id: int) -> str:
    """The group of one chat: its durable and ephemeral events."""
    return f"chat.{chat_id}"


# People share groups, so that a process that serves thousands of them is in few: joining a group costs a round trip to
# Redis, and messages there are rare. All processes must agree on the number.
USER_GROUPS = 64


def user_group(user_id: int) -> str:
    """The group for what concerns this person's sockets and the list of their chats."""
    return f"people.{user_id % USER_GROUPS}"
