"""What may go wrong around the hub: callers that leave, a layer that goes deaf, a database that fails."""

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
from tests.chats.feeds.following import Listener, a_chat, eventually, groups_of_the_layer, listen
from tests.factories import make_group, make_users, say
from tests.schema.executing import counted_queries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub_of_the_loop")]


@pytest.fixture
def without_poll(hub_of_the_loop: None, settings: Settings) -> None:
    """Nothing heals by itself."""
    settings.FEED_PROBE_SECONDS = settings.FEED_POLL_SECONDS = 3600


async def test_who_leaves_amid_their_listening_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_the_others_go_on_when_the_first_one_leaves_amid_their_listening(
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
async def test_a_feed_that_is_dropped_amid_its_healing_takes_no_group_from_the_next(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.FEED_LINGER_SECONDS = 0
    ann, _bob, chat = await a_chat()
    healing = threading.Event()
    may_heal = threading.Event()

    def read_slowly(*arguments: int) -> Any:
        healing.set()
        may_heal.wait(20)
        return []

    monkeypatch.setattr(hub, "read_deliverable_gap", read_slowly)
    listener, feed = await listen(chat)
    feed.learn(3)
    await asyncio.to_thread(healing.wait, 20)
    get_hub().leave(chat.pk, listener)
    await eventually(lambda: get_hub()._chats.get(chat.pk) is not feed)
    again, _feed = await listen(chat)
    may_heal.set()
    await in_thread(say, ann, chat)
    await again.until(lambda one: one.seqs == [3])


async def test_the_last_one_to_leave_leaves_the_group(settings: Settings) -> None:
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
async def test_a_message_that_nobody_can_read_harms_no_other() -> None:
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
    await listener.until(lambda one: len(one.said) == 1)


async def test_a_layer_that_goes_deaf_is_begun_anew(settings: Settings) -> None:
    """The layer never starts its reader again once that has ended: only what is not in the log can tell."""
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
        while not listener.said:
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


async def test_a_gap_that_is_not_understood_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
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
        await feed.reach(3)
    assert listener.seqs == [3]
    assert next(faults, None) is None


@pytest.mark.usefixtures("without_poll")
async def test_who_waits_for_a_feed_that_is_closed_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    _ann, _bob, chat = await a_chat()
    reading, may_read = threading.Event(), threading.Event()

    def read_slowly(*arguments: int) -> Any:
        reading.set()
        may_read.wait(20)
        return []

    monkeypatch.setattr(hub, "read_deliverable_gap", read_slowly)
    _listener, feed = await listen(chat)
    waiting = [asyncio.create_task(feed.reach(seq)) for seq in (3, 4)]
    await asyncio.to_thread(reading.wait, 20)
    await get_hub().close()
    async with asyncio.timeout(20):
        for waiter in waiting:
            with pytest.raises(chat_feed.FeedClosed):
                await waiter
        with pytest.raises(chat_feed.FeedClosed):
            await feed.reach(5)
    may_read.set()
    await feed.reach(2)  # what it had is what it had


async def test_what_arrives_before_the_feed_stands_is_bounded(settings: Settings) -> None:
    settings.FEED_HELD_EVENTS = 5
    ann, _bob, chat = await a_chat()
    feed = chat_feed.ChatFeed(chat.pk, hub._fetch_gap, hub._fetch_state, MemoryBudget(1_000_000))
    await in_thread(lambda: [say(ann, chat) for _ in range(9)])
    feed.take(await in_thread(read_range, chat.pk, 3, 11))
    assert len(feed._early) == 5
    listener = Listener()
    feed.listeners.add(listener)
    state = (await in_thread(read_states, [chat.pk]))[chat.pk]
    feed.stand(type(state)(2, 1, state.joined_seqs, False))
    await listener.until(lambda one: one.seqs == list(range(3, 12)))
    feed.close()


@pytest.mark.usefixtures("without_poll")
async def test_word_of_a_new_member_comes_also_from_the_chat_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody follows the chat here, and the notice for the new member's own feed is lost."""
    ann, _bob, chat = await a_chat()
    eve = (await in_thread(make_users, 1))[0]
    told = asyncio.Event()
    await get_hub().listen_memberships(eve.pk, told.set)
    listener, feed = await listen(chat)
    monkeypatch.setattr("chats.feeds.publish._dispatch", lambda _publications: None)
    await in_thread(add_members, ann.pk, chat.pk, [eve.pk])
    feed.learn(3)
    async with asyncio.timeout(20):
        await told.wait()
    assert listener.seqs == [3]
    get_hub().forget_person(eve.pk, told.set)


async def test_a_hole_takes_the_members_of_its_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chats.feeds.publish._dispatch", lambda _publications: None)
    ann, bob, chat = await a_chat()
    listener, feed = await listen(chat)

    def lose_the_leaving() -> None:
        remove_member(ann.pk, chat.pk, bob.pk)
        say(ann, chat)
        Event.objects.filter(chat=chat, seq__lte=3).delete()

    get_hub()._chats.pop(chat.pk)  # the hub hears nothing for it
    await in_thread(lose_the_leaving)
    get_hub()._chats[chat.pk] = feed
    await feed.reach(4)
    assert listener.holes == [4]
    assert feed.first_readable_seq(bob.pk) is None
    assert feed.first_readable_seq(ann.pk) == 1
