"""Runs inboxFeed into an outlet that records its calls; ChatAdded and ChatRemoved pass even while it is closed."""

import asyncio
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import pytest

from auth.models import User
from chats.feeds import publish
from chats.models import Chat
from foundation.database import in_thread
from schema.documents.prepared import prepare
from schema.errors import FormattedError
from schema.execution import OperationRequest, subscribe
from schema.live.outlet import LiveOperation
from tests.factories import make_group, make_users
from tests.schema.executing import context_of, ids

Json = dict[str, Any]
TIMEOUT_SECONDS = 30

INBOX = """subscription ($since: [ChatCursorInput!]) {
  inboxFeed(since: $since) {
    __typename
    ... on InboxReady { chats { chatId seq unreadCount } }
    ... on ChatAdded { chat { id title memberCount } }
    ... on ChatRemoved { chatId }
    ... on FeedReset { chatId seq reason }
    ... on ChatEvent { chatId seq }
    ... on MessagePosted { message { id text sender { username } } }
    ... on MessageEdited { message { id text } }
    ... on TypingChanged { chatId user { username } typing }
  }
}"""


@dataclass
class InboxOutlet:
    """An Outlet of one inbox."""

    open: bool = True
    events: list[Json] = field(default_factory=list)
    ephemeral: dict[Hashable, Json] = field(default_factory=dict)
    errors: list[FormattedError] | None = None
    completed: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def next(self, payload: bytes) -> None:
        """A durable payload."""
        self._put(self.events, payload)

    def replace(self, key: Hashable, payload: bytes) -> None:
        """An ephemeral payload."""
        found: list[Json] = []
        self._put(found, payload)
        self.ephemeral[key] = found[0]

    def complete(self) -> None:
        """The end."""
        self.completed = True
        self._changed.set()

    def fail(self, errors: list[FormattedError]) -> None:
        """The end, with errors."""
        self.errors = errors
        self._changed.set()

    def _put(self, found: list[Json], payload: bytes) -> None:
        assert not self.completed, "a call after the end"
        assert self.errors is None, "a call after the end"
        body = json.loads(payload)
        assert body.keys() == {"data"}, body
        found.append(body["data"]["inboxFeed"])
        self._changed.set()

    async def until(self, check: Callable[["InboxOutlet"], object]) -> None:
        """Wait until `check` is true of the outlet."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not check(self):
                self._changed.clear()
                await self._changed.wait()

    async def count(self, number: int) -> list[Json]:
        """All events, once there are so many."""
        await self.until(lambda one: len(one.events) >= number)
        assert len(self.events) == number, self.events
        return self.events

    def names(self) -> list[str]:
        """The type names of the events."""
        return [event["__typename"] for event in self.events]

    def seqs(self, chat: Chat) -> list[int]:
        """The seqs of a chat's events."""
        (chat_id,) = ids(chat)
        return [
            event["seq"]
            for event in self.events
            if event.get("chatId") == chat_id and event["__typename"] != "FeedReset" and "seq" in event
        ]


async def follow_inbox(
    viewer: User, since: dict[Chat, int] | None = None, outlet: InboxOutlet | None = None
) -> tuple[LiveOperation, InboxOutlet]:
    """Start an inbox."""
    outlet = outlet or InboxOutlet()
    cursors = [{"chatId": ids(chat)[0], "seq": seq} for chat, seq in (since or {}).items()]
    prepared = prepare(OperationRequest(INBOX, variables={"since": cursors}))
    return await subscribe(prepared, context_of(viewer), outlet), outlet


async def people_and_chats(chats: int) -> tuple[User, User, list[Chat]]:
    """Two people and their groups; each group's last seq is 2."""

    def make() -> tuple[User, User, list[Chat]]:
        ann, bob = make_users(2)
        return ann, bob, [make_group(ann, bob, title=f"Group {number}") for number in range(chats)]

    return await in_thread(make)


def lose_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no published event arrives."""
    monkeypatch.setattr(publish, "_dispatch", lambda _publications: None)
