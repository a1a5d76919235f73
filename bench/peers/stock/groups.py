"""What a chat's group is called; apart from the application, so that the benchmark can send to it too."""


def group_of(chat_id: str) -> str:
    """The group of a chat; its name may hold no `=`, with which a global id can end."""
    return f"chat.{chat_id.rstrip('=')}"
