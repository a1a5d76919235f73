"""Makes people and chats for tests, with the functions that the product uses."""

import itertools

from django.contrib.auth import get_user_model

from auth.models import User
from chats.models import Chat, Message
from chats.services import create_group_chat, send_message, start_direct_chat

_numbers = itertools.count(1)


def make_user(username: str | None = None, *, password: str | None = None, **fields: object) -> User:
    """An active account. Without a password it cannot log in, and nothing is hashed."""
    username = username or f"person{next(_numbers)}"
    fields.setdefault("display_name", username.title())
    return get_user_model().objects.create_user(username, password, **fields)


def make_users(count: int) -> list[User]:
    """Several active accounts."""
    return [make_user() for _ in range(count)]


def make_direct(one: User, other: User) -> Chat:
    """The direct chat of two people. Both have joined, so `last_seq` is 2."""
    return start_direct_chat(one.pk, other.pk)


def make_group(owner: User, *members: User, title: str = "Tea") -> Chat:
    """A group. All have joined, so `last_seq` is the number of members."""
    return create_group_chat(owner.pk, title, [member.pk for member in members])


def say(sender: User, chat: Chat, text: str = "Hello", **fields: object) -> Message:
    """Send a message; `fields` are further arguments of `send_message`."""
    return send_message(sender.pk, chat.pk, text, **fields)  # type: ignore[arg-type]
