"""What a subscription field's resolver returns: which feed is meant. Access and delivery are `schema.live`'s."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class ChatFeedSource:
    """The feed of a chat, asked for by a viewer who has everything up to `since`."""

    chat_id: int
    viewer_id: int
    since: int | None

    def __aiter__(self) -> AsyncIterator[NoReturn]:
        """Present because graphql-core asks for an async iterable; a feed is pushed, never pulled."""
        raise TypeError("A feed is started with schema.live.operation.subscribe.")
