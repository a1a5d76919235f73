"""What this process has not heard of yet: the database decides who may follow, and from where."""

import asyncio
import threading
from typing import Any

import pytest
from pytest_django import Settings

from chats.feeds import hub, publish
from chats.services import add_members, remove_member
from foundation.database import in_thread
from tests.factories import make_users, say
from tests.schema.live.outlets import a_group, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


@pytest.fixture
def lossy(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Nothing that is published arrives, and the poll is too late to help."""
    settings.FEED_PROBE_SECONDS = settings.FEED_POLL_SECONDS = 3600
    monkeypatch.setattr(publish, "publish", lambda *_events: None)


async def test_who_has_a_newer_seq_than_this_process_is_not_ahead_of_the_server(lossy: None) -> None:
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    sent = await in_thread(say, ann, chat)
    subscriber, replayed = await follow_ready(bob, chat, since=sent.seq)
    assert replayed == 0
    assert await watcher.outlet.seqs(1) == [3]
    assert subscriber.outlet.rest == []


async def test_a_new_member_of_whom_this_process_has_not_heard_may_follow(lossy: None) -> None:
    ann, _bob, chat = await a_group()
    await follow_ready(ann, chat)
    cy = (await in_thread(make_users, 1))[0]
    await in_thread(add_members, ann.pk, chat.pk, [cy.pk])
    subscriber, replayed = await follow_ready(cy, chat, since=2)
    assert replayed == 1
    assert (await subscriber.outlet.event())["__typename"] == "MemberJoined"


async def test_who_was_taken_out_unheard_gets_nothing_from_after_that(
    lossy: None, settings: Settings
) -> None:
    """A process may still take them for a member: but only up to the event that says otherwise."""
    settings.FEED_PROBE_SECONDS = settings.FEED_POLL_SECONDS = 0.05
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    subscriber, _ = await follow_ready(bob, chat)
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await in_thread(say, ann, chat, "after")
    assert await watcher.outlet.seqs(2) == [3, 4]
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    assert [event["__typename"] for event in subscriber.outlet.rest] == ["MemberLeft"]


async def test_what_was_lost_at_the_end_is_found_by_the_poll(lossy: None, settings: Settings) -> None:
    settings.FEED_PROBE_SECONDS = settings.FEED_POLL_SECONDS = 0.05
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat)
    for _ in range(3):
        await in_thread(say, ann, chat)
    assert await subscriber.outlet.seqs(3) == [3, 4, 5]


async def test_who_waits_for_a_chat_that_is_closed_meanwhile_gets_the_next(
    lossy: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They ask for what this process has not heard of, and before it has, nobody else is left in the chat."""
    reading, may_read = threading.Event(), threading.Event()

    def read_slowly(*arguments: int) -> Any:
        reading.set()
        may_read.wait(20)
        return []

    monkeypatch.setattr(hub, "read_deliverable_gap", read_slowly)
    settings.FEED_RING_LINGER_SECONDS = 3600
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    watcher.operation.stop()
    sent = await in_thread(say, ann, chat)
    settings.FEED_RING_LINGER_SECONDS = settings.FEED_LINGER_SECONDS = 0
    following = asyncio.create_task(follow_ready(bob, chat, since=sent.seq))
    await asyncio.to_thread(reading.wait, 20)
    async with asyncio.timeout(20):
        subscriber, replayed = await following
    may_read.set()
    assert replayed == 0
    assert subscriber.outlet.rest == []
