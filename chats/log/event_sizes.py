"""Estimates how many bytes of memory an event holds."""

from collections.abc import Callable, Mapping
from datetime import datetime
from sys import getsizeof
from typing import Any, get_args

import msgspec

from chats.events import DurableEvent, MemberSnapshot, MessageSnapshot, Profile

# Measured (see the test): what events hold beside their strings, and their places in a list and in a dict.
EVENT_BYTES = 200
MESSAGE_BYTES = 250
MEMBER_BYTES = 150
PROFILE_BYTES = 80


def event_bytes(event: DurableEvent) -> int:
    """About how many bytes of memory the event holds: its strings, and an allowance for the rest."""
    size = EVENT_BYTES
    for name, size_of in _SIZED_FIELDS[type(event)]:
        size += size_of(getattr(event, name))
    return size


def _message_bytes(message: MessageSnapshot) -> int:
    # The text by its memory, not by its length: one emoji makes every character of it take four bytes.
    return MESSAGE_BYTES + getsizeof(message.text) + _profile_bytes(message.sender)


def _member_bytes(member: MemberSnapshot) -> int:
    return MEMBER_BYTES + _profile_bytes(member.user)


def _profile_bytes(profile: Profile | None) -> int:
    if profile is None:
        return 0
    size = PROFILE_BYTES + getsizeof(profile.username) + getsizeof(profile.display_name)
    return size if profile.avatar_url is None else size + getsizeof(profile.avatar_url)


SizeOf = Callable[[Any], int]

# By the type of a field. None: the allowance for the event includes it.
_SIZE_OF: Mapping[Any, SizeOf | None] = {
    int: None,
    bool: None,
    datetime: None,
    str: getsizeof,
    Profile: _profile_bytes,
    Profile | None: _profile_bytes,
    MessageSnapshot: _message_bytes,
    MemberSnapshot: _member_bytes,
}


def _sized_fields(struct: type[DurableEvent]) -> tuple[tuple[str, SizeOf], ...]:
    sizes = [(field.name, _SIZE_OF[field.type]) for field in msgspec.structs.fields(struct)]
    return tuple((name, size_of) for name, size_of in sizes if size_of is not None)


# Raises KeyError at import for a field of a type that has no size yet.
_SIZED_FIELDS = {struct: _sized_fields(struct) for struct in get_args(DurableEvent)}
