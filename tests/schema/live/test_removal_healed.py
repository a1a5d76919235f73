"""Removals that this process misses: what it then reads from the log is ahead of what it has delivered."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from pytest_django import Settings

from chats.events import DurableEvent
from chats.feeds import hub as hub_module
from chats.feeds import publish
from chats.feeds.hub import get_hub
from chats.log.gaps import read_deliverable_gap
from chats.services import add_members, delete_message, edit_message, remove_member
from foundation.database import in_thread
from tests.factories import say
from tests.schema.live.inboxes import follow_inbox
from tests.schema.live.outlets import a_group, both_kinds, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_poll")]

LATER = "edited after the removal"


@pytest.fixture
def without_layer(without_poll: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is published arrives."""
    monkeypatch.setattr(publish, "_dispatch", lambda _publications: None)


@both_kinds
@pytest.mark.parametrize("page", [1, 2, 3, 500])
@pytest.mark.usefixtures("without_layer")
async def test_missed_events_in_several_pages(query: str, page: int, settings: Settings) -> None:
    """The page that shows the message may end before the removal, or between it and the edit."""
    settings.FEED_LOG_PAGE = page
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat, query=query)
    watcher, _ = await follow_ready(ann, chat)
    _inbox, inbox = await follow_inbox(bob)

    def post_remove_and_edit() -> None:
        message = say(ann, chat, "before")
        say(ann, chat, "another")
        remove_member(ann.pk, chat.pk, bob.pk)
        say(ann, chat, "behind their back")
        edit_message(ann.pk, message.pk, LATER)
        add_members(ann.pk, chat.pk, [bob.pk])

    await in_thread(post_remove_and_edit)
    await get_hub().poll()
    assert await watcher.outlet.seqs(6) == [3, 4, 5, 6, 7, 8]
    assert LATER in str(watcher.outlet.payloads)
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    await inbox.until(lambda one: "MemberJoined" in one.names())
    for delivered in (str(subscriber.outlet.payloads), str(inbox.events)):
        assert LATER not in delivered
        assert "behind their back" not in delivered


@both_kinds
@pytest.mark.parametrize("how", ["edited", "deleted"])
async def test_an_edit_that_has_not_arrived_yet(
    query: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the post, the removal and the edit, the first is lost, the second arrives, and the third is late."""
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat, query=query)
    watcher, _ = await follow_ready(ann, chat)
    reading, may_read = threading.Event(), threading.Event()

    def read_late(*arguments: int) -> Sequence[DurableEvent]:
        reading.set()
        may_read.wait(20)
        return read_deliverable_gap(*arguments)

    monkeypatch.setattr(hub_module, "read_deliverable_gap", read_late)
    held: list[Any] = []
    with monkeypatch.context() as patched:
        patched.setattr(publish, "_dispatch", held.append)
        message = await in_thread(say, ann, chat, "before")
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await asyncio.to_thread(reading.wait, 20)
    with monkeypatch.context() as patched:
        patched.setattr(publish, "_dispatch", held.append)
        if how == "edited":
            await in_thread(edit_message, ann.pk, message.pk, LATER)
        else:
            await in_thread(delete_message, ann.pk, message.pk)
    may_read.set()
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    assert [event["__typename"] for event in subscriber.outlet.rest] == ["MemberLeft"]
    assert await watcher.outlet.seqs(3) == [3, 4, 5]


@pytest.mark.usefixtures("without_layer")
async def test_more_events_than_a_feed_replays_between_a_message_and_its_edit(settings: Settings) -> None:
    """They do not fit in memory at once. The feed skips them: members read them back, the removed one ends."""
    settings.MAX_REPLAY_EVENTS = 5
    settings.FEED_LOG_PAGE = 2
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat)
    watcher, _ = await follow_ready(ann, chat)

    def post_remove_and_edit() -> None:
        message = say(ann, chat, "before")
        remove_member(ann.pk, chat.pk, bob.pk)
        for _ in range(6):
            say(ann, chat)
        edit_message(ann.pk, message.pk, LATER)

    await in_thread(post_remove_and_edit)
    await get_hub().poll()
    assert await watcher.outlet.seqs(9) == list(range(3, 12))
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    assert subscriber.outlet.rest == []
