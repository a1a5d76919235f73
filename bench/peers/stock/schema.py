"""The part of Parlor's schema that the benchmark selects, with a subscription over `listen_to_channel`."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

import strawberry

from bench.peers.stock.groups import group_of


@strawberry.type
class User:
    """A user."""

    id: strawberry.ID
    username: str
    display_name: str
    avatar_url: str | None


@strawberry.type
class Message:
    """A message."""

    id: strawberry.ID
    text: str
    created_at: datetime
    sender: User | None


@strawberry.type
class FeedReady:
    """The first event: the group is joined."""

    chat_id: strawberry.ID
    seq: int


@strawberry.type
class MessagePosted:
    """A message was posted."""

    chat_id: strawberry.ID
    seq: int
    at: datetime
    actor: User | None
    message: Message


ChatFeedEvent = Annotated[FeedReady | MessagePosted, strawberry.union("ChatFeedEvent")]


@strawberry.type
class Query:
    """The query type that every schema needs."""

    @strawberry.field
    def ok(self) -> bool:
        """Always true."""
        return True


@strawberry.type
class Subscription:
    """The feed of one chat."""

    @strawberry.subscription
    async def chat_group(
        self, info: strawberry.Info[Any, Any], chat_id: strawberry.ID, since: int | None = None
    ) -> AsyncGenerator[ChatFeedEvent, None]:
        """The chat's events from now on. `since` is accepted but ignored, because there is no log."""
        del since
        socket = info.context["ws"]
        async with socket.listen_to_channel("chat.event", groups=[group_of(chat_id)]) as events:
            yield FeedReady(chat_id=chat_id, seq=0)
            async for event in events:
                yield _posted(event)


def _posted(event: dict[str, Any]) -> MessagePosted:
    user = User(**event["user"])
    at = datetime.fromisoformat(event["at"])
    message = Message(id=event["message_id"], text=event["text"], created_at=at, sender=user)
    return MessagePosted(chat_id=event["chat_id"], seq=event["seq"], at=at, actor=user, message=message)


schema = strawberry.Schema(query=Query, subscription=Subscription)
