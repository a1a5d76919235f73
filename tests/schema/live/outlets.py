"""Runs subscriptions without a transport, into an outlet that records its calls."""

import asyncio
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import pytest

from auth.models import User
from chats.models import Chat
from foundation.database import in_thread
from schema.documents.prepared import prepare
from schema.errors import FormattedError
from schema.execution import OperationRequest, subscribe
from schema.live.outlet import LiveOperation
from tests.factories import make_group, make_users, say
from tests.schema.executing import context_of, ids

Json = dict[str, Any]
TIMEOUT_SECONDS = 30

# Fields that the event itself holds, shared by all viewers.
SHARED = """subscription ($chatId: ID!, $since: Int) {
  chatFeed(chatId: $chatId, since: $since) {
    __typename
    ... on FeedReady { seq replayed }
    ... on FeedReset { seq reason }
    ... on ChatEvent { seq }
    ... on MessagePosted { message { id text sender { username } } }
    ... on MessageEdited { message { id text } }
    ... on MessageDeleted { messageId }
    ... on TypingChanged { typing }
  }
}"""
# With fields that are looked up for each viewer.
PER_VIEWER = SHARED.replace(
    "message { id text", "message { id text chat { viewerMembership { unreadCount } }"
)


@dataclass
class FakeOutlet:
    """Records its calls, and fails on calls that the contract of an Outlet forbids."""

    open: bool = True
    payloads: list[bytes] = field(default_factory=list)
    ephemeral: list[tuple[Hashable, bytes]] = field(default_factory=list)
    completed: bool = False
    errors: list[FormattedError] | None = None
    stopped: bool = False
    on_next: Callable[[], None] = lambda: None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    read: int = 0

    def next(self, payload: bytes) -> None:
        """A durable payload."""
        self.payloads.append(payload)
        self._check()
        assert self.open, "a durable payload while the outlet was closed"
        self.on_next()

    def replace(self, key: Hashable, payload: bytes) -> None:
        """An ephemeral payload."""
        self.ephemeral.append((key, payload))
        self._check()

    def complete(self) -> None:
        """The end."""
        self._check()
        self.completed = True

    def fail(self, errors: list[FormattedError]) -> None:
        """The end, with errors."""
        self._check()
        self.errors = errors

    def _check(self) -> None:
        assert not self.stopped, "a call after stop()"
        assert not self.ended, "a call after the end"
        self.changed.set()

    @property
    def ended(self) -> bool:
        """Whether the operation has ended by itself."""
        return self.completed or self.errors is not None

    async def wait_for(self, check: Callable[[], object]) -> None:
        """Wait for calls until `check` is true."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not check():
                self.changed.clear()
                await self.changed.wait()

    async def events(self, count: int) -> list[Json]:
        """The next events."""
        await self.wait_for(lambda: len(self.payloads) >= self.read + count or self.ended)
        found = self.payloads[self.read : self.read + count]
        assert len(found) == count, (found, self.completed, self.errors)
        self.read += count
        return [event_in(payload) for payload in found]

    async def event(self) -> Json:
        """The next event."""
        return (await self.events(1))[0]

    async def seqs(self, count: int) -> list[int]:
        """The seqs of the next events."""
        return [event["seq"] for event in await self.events(count)]

    @property
    def rest(self) -> list[Json]:
        """The events that have arrived and were not read yet."""
        return [event_in(payload) for payload in self.payloads[self.read :]]


def event_in(payload: bytes) -> Json:
    """The event of a payload without errors."""
    body = json.loads(payload)
    assert body.keys() == {"data"}, body
    event: Json = body["data"]["chatFeed"]
    return event


class Subscriber:
    """One subscription to a chat."""

    def __init__(self, operation: LiveOperation, outlet: FakeOutlet) -> None:
        self.operation = operation
        self.outlet = outlet

    def stop(self) -> None:
        """Complete the operation; any later call of the outlet fails the test."""
        self.operation.stop()
        self.outlet.stopped = True

    def close(self) -> None:
        """Close the outlet, as a client that owes more than its window."""
        self.outlet.open = False

    def reopen(self) -> None:
        """Open the outlet again and resume."""
        self.outlet.open = True
        self.operation.resume()


async def follow(
    viewer: User, chat: Chat, since: int | None = None, query: str = SHARED, outlet: FakeOutlet | None = None
) -> Subscriber:
    """Start a subscription; its events are read with `outlet.event()`."""
    outlet = outlet or FakeOutlet()
    variables: dict[str, object] = {"chatId": ids(chat)[0], "since": since}
    operation = await subscribe(
        prepare(OperationRequest(query, variables=variables)), context_of(viewer), outlet
    )
    return Subscriber(operation, outlet)


async def follow_ready(
    viewer: User, chat: Chat, since: int | None = None, query: str = SHARED
) -> tuple[Subscriber, int]:
    """The same, with FeedReady read; also returns the number of events that it announces for replay."""
    subscriber = await follow(viewer, chat, since, query)
    ready = await subscriber.outlet.event()
    assert ready["__typename"] == "FeedReady"
    return subscriber, ready["replayed"]


both_kinds = pytest.mark.parametrize("query", [SHARED, PER_VIEWER], ids=["shared", "per viewer"])


async def a_group(messages: int = 0) -> tuple[User, User, Chat]:
    """Two people and their group with messages of the first one; its last seq is 2 plus their number."""

    def make() -> tuple[User, User, Chat]:
        ann, bob = make_users(2)
        chat = make_group(ann, bob)
        for number in range(messages):
            say(ann, chat, f"{number}")
        return ann, bob, chat

    return await in_thread(make)
