"""Names of the stock peer's groups, in a module of its own so that the benchmark can import it without the peer."""


def group_of(chat_id: str) -> str:
    """The group of a chat. Global ids may end with `=`, which group names must not contain."""
    return f"chat.{chat_id.rstrip('=')}"
