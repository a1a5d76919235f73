"""Names of feeds: what a channel-layer group is called."""


def chat_feed(chat_id: int) -> str:
    """The feed of one chat: its durable and ephemeral events."""
    return f"chat.{chat_id}"


def user_feed(user_id: int) -> str:
    """The control feed of one person: what concerns their sockets and the list of their chats."""
    return f"user.{user_id}"
