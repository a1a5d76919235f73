"""What a subscription field's resolver returns: which feed is meant. Access and delivery are `schema.live`'s."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from schema.context import SocketHandle


class _Pushed:
    """graphql-core asks for an async iterable; a feed is pushed, never pulled."""

    def __aiter__(self) -> AsyncIterator[NoReturn]:
        raise TypeError("A feed is started with schema.live.delivery.subscribe.subscribe.")


@dataclass(frozen=True, slots=True)
class ChatFeedSource(_Pushed):
    """The feed of a chat, asked for by a viewer who has everything up to `since`."""

    chat_id: int
    viewer_id: int
    since: int | None


@dataclass(frozen=True, slots=True)
class InboxSource(_Pushed):
    """All chats of a viewer, who has everything up to the given seqs; by chat id."""

    viewer_id: int
    since: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SocketFeedSource(_Pushed):
    """The feed of the socket that the operation runs on."""

    socket: SocketHandle
