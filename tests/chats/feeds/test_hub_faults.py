"""Faults around the hub: cancelled callers, a layer that stops receiving, a database that fails."""

import asyncio
import threading
from typing import Any

import msgspec
import pytest
from channels.layers import get_channel_layer
from django.db import OperationalError
from pytest_django import Settings

from chats.events import TypingChanged
from chats.feeds import chat_feed, hub
from chats.feeds.feed_state import read_states
from chats.feeds.hub import get_hub
from chats.feeds.publish import publish
from chats.log.read import last_seqs, read_range
from chats.models import Event
from chats.profiles import profiles
from chats.services import add_members, remove_member, set_typing
from foundation.database import in_thread
from foundation.memory_budget import MemoryBudget
from foundation.redis import async_redis
from tests.chats.feeds.listeners import Listener, a_chat, eventually, groups_of_the_layer, listen
from tests.factories import make_group, make_users, say
from tests.sql_statements import counted_queries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub_of_the_loop")]


@pytest.fixture
def without_poll(hub_of_the_loop: None, settings: Settings) -> None:
    """Without the poll, nothing finds lost events."""
    settings.FEED_PROBE_SECONDS = settings.FEED_POLL_SECONDS = 3600


async def test_a_cancelled_listen_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, _bob, chat = await a_chat()
    reading, may_read = threading.Event(), threading.Event()

    def read_slowly(chat_ids: list[int]) -> Any:
        reading.set()
        may_read.wait(20)
        return read_states(chat_ids)

    monkeypatch.setattr(hub, "read_states", read_slowly)
    task = asyncio.create_task(get_hub().listen(chat.pk, Listener()))
    await asyncio.to_thread(reading.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert get_hub()._chats == {}
    may_read.set()
    listener, _feed = await listen(chat)
    await in_thread(say, ann, chat)
    await listener.until(lambda one: one.seqs == [3])


async def test_a_cancelled_first_listen_does_not_disturb_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann, _bob, chat = await a_chat()
    first = asyncio.create_task(get_hub().listen(chat.pk, Listener()))
    second = asyncio.create_task(listen(chat))
    await asyncio.sleep(0)
    first.cancel()
    listener, feed = await second
    assert get_hub()._chats == {chat.pk: feed}
    await in_thread(say, ann, chat)
    await listener.until(lambda one: one.seqs == [3])


@pytest.mark.usefixtures("without_poll")
async def test_a_feed_that_is_closed_while_filling_a_gap_takes_no_group_from_the_next(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.FEED_LINGER_SECONDS = 0
    ann, _bob, chat = await a_chat()
    reading = threading.Event()
    may_read = threading.Event()

    def read_slowly(*arguments: int) -> Any:
        reading.set()
        may_read.wait(20)
        return []

    monkeypatch.setattr(hub, "read_deliverable_gap", read_slowly)
    listener, feed = await listen(chat)
    feed.expect(3)
    await asyncio.to_thread(reading.wait, 20)
    get_hub().leave(chat.pk, listener)
    await eventually(lambda: get_hub()._chats.get(chat.pk) is not feed)
    again, _feed = await listen(chat)
    may_read.set()
    await in_thread(say, ann, chat)
    await again.until(lambda one: one.seqs == [3])


async def test_the_group_is_left_with_the_last_listener(settings: Settings) -> None:
    settings.FEED_LINGER_SECONDS = 0
    _ann, _bob, chat = await a_chat()
    listener, _feed = await listen(chat)
    assert len(groups_of_the_layer()) == 1
    get_hub().leave(chat.pk, listener)
    await eventually(lambda: not groups_of_the_layer())
    assert get_hub()._chats == {}


@pytest.mark.usefixtures("without_poll")
async def test_many_chats_at_once_are_one_query() -> None:
    ann, bob, *_ = await in_thread(make_users, 2)
    chats = await in_thread(lambda: [make_group(ann, bob) for _ in range(30)])
    with counted_queries() as queries:
        await asyncio.gather(*(listen(chat) for chat in chats))
    assert len(queries) == 1, queries
    assert len(groups_of_the_layer()) == 30


@pytest.mark.usefixtures("without_poll")
async def test_an_unreadable_message_harms_no_other() -> None:
    ann, bob, chat = await a_chat()
    listener, _feed = await listen(chat)
    (group,) = groups_of_the_layer()
    await async_redis().publish(group, b"\xc1 no message")
    await async_redis().publish(group, msgspec.msgpack.encode({"type": "feed.events", "chat": chat.pk}))
    await async_redis().publish(
        group, msgspec.msgpack.encode({"type": "feed.events", "chat": chat.pk, "events": [b"?"]})
    )
    await in_thread(say, ann, chat)
    await listener.until(lambda one: one.seqs == [3])
    await in_thread(set_typing, bob.pk, chat.pk, True)
    await listener.until(lambda one: len(one.ephemeral) == 1)


async def test_a_layer_that_stops_receiving_is_restarted(settings: Settings) -> None:
    """Its reader never comes back by itself. Only events that are not in the log show that the layer works again."""
    settings.FEED_POLL_SECONDS = 3600
    settings.FEED_DEAF_SECONDS = 0.3
    ann, bob, chat = await a_chat()
    listener, _feed = await listen(chat)
    layer: Any = get_channel_layer()
    await in_thread(say, ann, chat)
    await listener.until(lambda one: one.seqs == [3])
    layer._shards[0]._receive_task.cancel()
    await in_thread(say, ann, chat)
    await listener.until(lambda one: one.seqs == [3, 4])  # by the poll
    typing = TypingChanged(chat_id=chat.pk, user=(await in_thread(profiles, [bob.pk]))[bob.pk], typing=True)
    async with asyncio.timeout(20):
        while not listener.ephemeral:
            await in_thread(publish, typing)
    await in_thread(say, ann, chat)
    await listener.until(lambda one: one.seqs == [3, 4, 5])


async def test_the_poll_goes_on_after_a_fault(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.FEED_POLL_SECONDS = settings.FEED_PROBE_SECONDS
    faults = iter([OperationalError("away"), RuntimeError("unforeseen"), OSError("broken")])
    _ann, _bob, chat = await a_chat()
    listener, _feed = await listen(chat)

    def fail_at_first(chat_ids: list[int]) -> Any:
        fault = next(faults, None)
        if fault is not None:
            raise fault
        return {**last_seqs(chat_ids), chat.pk: 3}

    monkeypatch.setattr(hub, "last_seqs", fail_at_first)
    await in_thread(lambda: Event.objects.filter(chat=chat).delete())
    await listener.until(lambda one: one.holes)
    assert next(faults, None) is None


async def test_reading_a_gap_is_tried_again_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = iter([OperationalError("away"), KeyError("unforeseen")])
    ann, _bob, chat = await a_chat()
    listener, feed = await listen(chat)

    def fail_at_first(*arguments: int) -> Any:
        fault = next(faults, None)
        if fault is not None:
            raise fault
        return read_range(*arguments)

    monkeypatch.setattr(hub, "read_deliverable_gap", fail_at_first)
    monkeypatch.setattr("chats.feeds.publish._dispatch", lambda _publications: None)
    await in_thread(say, ann, chat)
    async with asyncio.timeout(20):
        await feed.catch_up_to(3)
    assert listener.seqs == [3]
    assert next(faults, None) is None


@pytest.mark.usefixtures("without_poll")
async def test_closing_a_feed_ends_the_waiting_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _ann, _bob, chat = await a_chat()
    reading, may_read = threading.Event(), threading.Event()

    def read_slowly(*arguments: int) -> Any:
        reading.set()
        may_read.wait(20)
        return []

    monkeypatch.setattr(hub, "read_deliverable_gap", read_slowly)
    _listener, feed = await listen(chat)
    waiting = [asyncio.create_task(feed.catch_up_to(seq)) for seq in (3, 4)]
    await asyncio.to_thread(reading.wait, 20)
    await get_hub().close()
    async with asyncio.timeout(20):
        for waiter in waiting:
            with pytest.raises(chat_feed.FeedClosed):
                await waiter
        with pytest.raises(chat_feed.FeedClosed):
            await feed.catch_up_to(5)
    may_read.set()
    await feed.catch_up_to(2)  # delivered before the close


async def test_events_that_arrive_before_the_start_are_bounded(settings: Settings) -> None:
    settings.FEED_HELD_EVENTS = 5
    ann, _bob, chat = await a_chat()
    budget = MemoryBudget(1_000_000)
    feed = chat_feed.ChatFeed(chat.pk, hub._fetch_gap, hub._fetch_state, budget, lambda _user_id: None)
    await in_thread(lambda: [say(ann, chat) for _ in range(9)])
    feed.on_layer_events(await in_thread(read_range, chat.pk, 3, 11))
    assert len(feed._early.events) == 5
    listener = Listener()
    feed.listeners.add(listener)
    state = (await in_thread(read_states, [chat.pk]))[chat.pk]
    feed.start(type(state)(2, 1, state.joined_seqs, False))
    await listener.until(lambda one: one.seqs == list(range(3, 12)))
    feed.close()


@pytest.mark.usefixtures("without_poll")
async def test_a_new_member_is_also_notified_by_the_chat_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chat has a local listener, and the notice to the new member's own group is lost."""
    ann, _bob, chat = await a_chat()
    eve = (await in_thread(make_users, 1))[0]
    notified = asyncio.Event()
    await get_hub().listen_memberships(eve.pk, notified.set)
    listener, feed = await listen(chat)
    monkeypatch.setattr("chats.feeds.publish._dispatch", lambda _publications: None)
    await in_thread(add_members, ann.pk, chat.pk, [eve.pk])
    feed.expect(3)
    async with asyncio.timeout(20):
        await notified.wait()
    assert listener.seqs == [3]
    get_hub().remove_user_listener(eve.pk, notified.set)


async def test_after_a_hole_the_members_are_the_current_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chats.feeds.publish._dispatch", lambda _publications: None)
    ann, bob, chat = await a_chat()
    listener, feed = await listen(chat)

    def lose_the_removal() -> None:
        remove_member(ann.pk, chat.pk, bob.pk)
        say(ann, chat)
        Event.objects.filter(chat=chat, seq__lte=3).delete()

    get_hub()._chats.pop(chat.pk)  # so that the feed gets nothing from the hub
    await in_thread(lose_the_removal)
    get_hub()._chats[chat.pk] = feed
    await feed.catch_up_to(4)
    assert listener.holes == [4]
    assert feed.first_readable_seq(bob.pk) is None
    assert feed.first_readable_seq(ann.pk) == 1
