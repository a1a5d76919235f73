"""Names of feeds: what a channel-layer group is called."""


def chat_group(chat_id: int) -> str:
    """The feed of one chat: its durable and ephemeral events."""
    return f"chat.{chat_id}"


# People share feeds, so that a process which serves thousands of them follows few: to join one costs a round trip to
# Redis, and what is said there is rare. All processes must agree on the number.
USER_GROUPS = 64


def user_group(user_id: int) -> str:
    """The control feed that carries what concerns this person's sockets and the list of their chats."""
    return f"people.{user_id % USER_GROUPS}"
