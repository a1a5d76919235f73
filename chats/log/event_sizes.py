"""What an event costs in memory."""

from sys import getsizeof

from chats.events import DurableEvent, MemberLeft, MessageDeleted, MessageEdited, MessagePosted, Profile

# Measured (see the test): what events hold beside their strings, and their places in a list and in a dict.
EVENT_BYTES = 200
MESSAGE_BYTES = 250
MEMBER_BYTES = 150
PROFILE_BYTES = 80

_WITH_MESSAGE = (MessagePosted, MessageEdited)  # a union takes three times as long to look at


def event_bytes(event: DurableEvent) -> int:
    """About how many bytes of memory the event holds: its strings, and an allowance for the rest."""
    size = EVENT_BYTES + _profile_bytes(event.actor)
    if isinstance(event, _WITH_MESSAGE):
        message = event.message
        # The text by its memory, not by its length: one emoji makes every character of it take four bytes.
        return size + MESSAGE_BYTES + getsizeof(message.text) + _profile_bytes(message.sender)
    if isinstance(event, MessageDeleted):
        return size
    if isinstance(event, MemberLeft):
        return size + _profile_bytes(event.user)
    return size + MEMBER_BYTES + _profile_bytes(event.member.user)


def _profile_bytes(profile: Profile | None) -> int:
    if profile is None:
        return 0
    size = PROFILE_BYTES + getsizeof(profile.username) + getsizeof(profile.display_name)
    return size if profile.avatar_url is None else size + getsizeof(profile.avatar_url)
