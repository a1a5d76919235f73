"""Checks what people type: each function returns what may be stored, or raises ChatError naming the field."""

from collections.abc import Iterable

from django.conf import settings

from chats.errors import ChatError, bad_input, too_large


def check_storable(text: str, field: str) -> str:
    """Refuse characters that PostgreSQL (NUL) or UTF-8 (half a surrogate pair) cannot store."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise bad_input("The text has a character that cannot be stored.", field=field)
    return text


def check_text(text: str) -> str:
    """The text of a message, at most `MAX_MESSAGE_LENGTH` characters. Its whitespace stays as it is."""
    return _check_filled(text, "text", settings.MAX_MESSAGE_LENGTH)


def check_title(title: str) -> str:
    """A group's title without surrounding whitespace, at most `MAX_TITLE_LENGTH` characters."""
    return _check_filled(title.strip(), "title", settings.MAX_TITLE_LENGTH)


def check_search(text: str) -> str:
    """The text to search titles and names for, at most `MAX_TITLE_LENGTH` characters."""
    if len(text) > settings.MAX_TITLE_LENGTH:
        raise _too_long("search", settings.MAX_TITLE_LENGTH)
    return check_storable(text, "search")


def check_client_id(client_id: str | None) -> str | None:
    """The id that a client chose for what it creates, at most `MAX_CLIENT_ID_LENGTH` characters; None for none."""
    return None if client_id is None else _check_filled(client_id, "clientId", settings.MAX_CLIENT_ID_LENGTH)


def check_member_ids(user_ids: Iterable[int], already: int, field: str) -> list[int]:
    """The ids without repetitions, in order; together with `already` members, at most `MAX_GROUP_MEMBERS`."""
    unique = list(dict.fromkeys(user_ids))
    if len(unique) + already > settings.MAX_GROUP_MEMBERS:
        raise too_large(
            f"A group has at most {settings.MAX_GROUP_MEMBERS} members.",
            field=field,
            maxMembers=settings.MAX_GROUP_MEMBERS,
        )
    return unique


def _check_filled(text: str, field: str, max_length: int) -> str:
    if len(text) > max_length:
        raise _too_long(field, max_length)
    if not text.strip():
        raise bad_input("This may not be empty.", field=field)
    return check_storable(text, field)


def _too_long(field: str, max_length: int) -> ChatError:
    return too_large(f"At most {max_length} characters.", field=field, maxLength=max_length)
