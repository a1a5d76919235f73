"""What a subscription field's resolver returns: the feed that is meant. `schema.live` checks access and runs it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from schema.context import SocketHandle


class _PushedFeed:
    """An async iterable in type only, which graphql-core asks for: a feed is pushed into an outlet, never pulled."""

    def __aiter__(self) -> AsyncIterator[NoReturn]:
        raise TypeError("A feed cannot be iterated: use schema.subscribe(...) or schema.execution.subscribe.")


@dataclass(frozen=True, slots=True)
class ChatFeedSource(_PushedFeed):
    """The feed of a chat, for a viewer who has everything up to `since`; None starts at the newest event."""

    chat_id: int
    viewer_id: int
    since: int | None


@dataclass(frozen=True, slots=True)
class InboxSource(_PushedFeed):
    """All chats of a viewer, who has each chat up to the seq in `since`, by chat id."""

    viewer_id: int
    since: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SocketFeedSource(_PushedFeed):
    """The feed of the socket that the operation runs on."""

    socket: SocketHandle
