"""Events that have not reached this process: the database decides who may subscribe, and from where."""

import asyncio

import pytest
from pytest_django import Settings

from chats.feeds import publish
from chats.feeds.chat_feed import ChatFeed, FeedClosed
from chats.feeds.hub import Hub
from chats.services import add_members, remove_member
from foundation.database import in_thread
from tests.factories import make_users, say
from tests.schema.live.outlets import a_group, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


@pytest.fixture
def lossy(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """No published event arrives, and the poll comes too late."""
    settings.FEED_PROBE_SECONDS = settings.FEED_POLL_SECONDS = 3600
    monkeypatch.setattr(publish, "publish", lambda *_events: None)


async def test_a_client_with_a_newer_seq_than_this_process_is_not_ahead_of_the_server(lossy: None) -> None:
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    sent = await in_thread(say, ann, chat)
    subscriber, replayed = await follow_ready(bob, chat, since=sent.seq)
    assert replayed == 0
    assert await watcher.outlet.seqs(1) == [3]
    assert subscriber.outlet.rest == []


async def test_a_new_member_that_is_unknown_to_this_process_may_subscribe(lossy: None) -> None:
    ann, _bob, chat = await a_group()
    await follow_ready(ann, chat)
    cy = (await in_thread(make_users, 1))[0]
    await in_thread(add_members, ann.pk, chat.pk, [cy.pk])
    subscriber, replayed = await follow_ready(cy, chat, since=2)
    assert replayed == 1
    assert (await subscriber.outlet.event())["__typename"] == "MemberJoined"


async def test_a_member_whose_removal_was_missed_gets_nothing_after_it(
    lossy: None, settings: Settings
) -> None:
    """To this process they are still a member, but only up to the removal that it finds."""
    settings.FEED_PROBE_SECONDS = settings.FEED_POLL_SECONDS = 0.05
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    subscriber, _ = await follow_ready(bob, chat)
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await in_thread(say, ann, chat, "after")
    assert await watcher.outlet.seqs(2) == [3, 4]
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    assert [event["__typename"] for event in subscriber.outlet.rest] == ["MemberLeft"]


async def test_the_poll_finds_lost_events_at_the_end(lossy: None, settings: Settings) -> None:
    settings.FEED_PROBE_SECONDS = settings.FEED_POLL_SECONDS = 0.05
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat)
    for _ in range(3):
        await in_thread(say, ann, chat)
    assert await subscriber.outlet.seqs(3) == [3, 4, 5]


async def test_a_subscription_that_waits_for_a_chat_while_it_closes_opens_it_again(
    lossy: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for an event that this process does not have yet, while the chat's last other subscription has ended."""
    closed: list[ChatFeed] = []
    stock = Hub.catch_up

    async def catch_up(self: Hub, feed: ChatFeed) -> None:
        try:
            await stock(self, feed)
        except FeedClosed:
            closed.append(feed)
            raise

    monkeypatch.setattr(Hub, "catch_up", catch_up)
    settings.FEED_RING_LINGER_SECONDS = 3600
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    watcher.operation.stop()
    sent = await in_thread(say, ann, chat)
    settings.FEED_RING_LINGER_SECONDS = settings.FEED_LINGER_SECONDS = 0
    async with asyncio.timeout(20):
        subscriber, replayed = await follow_ready(bob, chat, since=sent.seq)
    assert len(closed) == 1
    assert replayed == 0
    assert subscriber.outlet.rest == []
