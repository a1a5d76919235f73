"""inboxFeed: all chats of a viewer in one operation, each from its own seq."""

import asyncio

import pytest
from django.db import OperationalError
from pytest_django import Settings

from chats.feeds.hub import get_hub
from chats.models import Chat
from chats.services import add_members, edit_message, set_typing
from foundation.database import in_thread
from schema.live.delivery import inbox
from schema.live.delivery.live_chats import live_chats
from tests.factories import make_group, make_users, say
from tests.schema.executing import ids
from tests.schema.live.inboxes import InboxOutlet, follow_inbox, lose_notices, people_and_chats
from tests.sql_statements import counted_queries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


async def test_ready_comes_first_with_all_chats() -> None:
    ann, bob, (one, other) = await people_and_chats(2)
    await in_thread(say, ann, one)
    _operation, outlet = await follow_inbox(bob)
    await in_thread(say, ann, other, "Good day")
    ready, posted = await outlet.count(2)
    assert ready == {
        "__typename": "InboxReady",
        "chats": [
            {"chatId": ids(one)[0], "seq": 3, "unreadCount": 1},
            {"chatId": ids(other)[0], "seq": 2, "unreadCount": 0},
        ],
    }
    assert (posted["chatId"], posted["seq"], posted["message"]["text"]) == (ids(other)[0], 3, "Good day")


async def test_each_chat_continues_from_its_own_seq() -> None:
    ann, bob, (behind, at_it, ahead, live) = await people_and_chats(4)
    foreign = await in_thread(make_group, ann)
    for chat in (behind, behind, at_it, live):
        await in_thread(say, ann, chat)
    _operation, outlet = await follow_inbox(bob, {behind: 2, at_it: 3, ahead: 9, foreign: 0})
    (ready, *rest) = await outlet.count(4)
    assert [cursor["seq"] for cursor in ready["chats"]] == [2, 3, 2, 3]
    assert outlet.seqs(behind) == [3, 4]
    assert {"__typename": "FeedReset", "chatId": ids(ahead)[0], "seq": 2, "reason": "AHEAD_OF_SERVER"} in rest
    for chat in (behind, at_it, ahead, live):
        await in_thread(say, ann, chat)
    await outlet.count(8)
    assert [outlet.seqs(chat) for chat in (behind, at_it, ahead, live)] == [[3, 4, 5], [4], [3], [4]]


async def test_a_new_member_that_is_unknown_to_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process added them, and its event has not reached this one, which has the chat open."""
    ann, bob, (chat,) = await people_and_chats(1)
    (eve,) = await in_thread(make_users, 1)
    _watching, watcher = await follow_inbox(bob)
    lose_notices(monkeypatch)
    await in_thread(add_members, ann.pk, chat.pk, [eve.pk])
    _operation, outlet = await follow_inbox(eve, {chat: 3})
    assert outlet.events[0]["chats"] == [{"chatId": ids(chat)[0], "seq": 3, "unreadCount": 0}]
    await watcher.count(2)


async def test_history_from_join_is_respected() -> None:
    ann, bob, _ = await people_and_chats(0)

    def make() -> Chat:
        chat = make_group(ann)
        Chat.objects.filter(pk=chat.pk).update(history_from_join=True)
        say(ann, chat, "before their joining")
        add_members(ann.pk, chat.pk, [bob.pk])
        say(ann, chat, "after it")
        return chat

    chat = await in_thread(make)
    _operation, outlet = await follow_inbox(bob, {chat: 0})
    await outlet.count(3)
    assert outlet.events[0]["chats"][0]["seq"] == 2
    assert outlet.seqs(chat) == [3, 4]
    assert "before their joining" not in str(outlet.events)


async def test_two_hundred_chats_cost_as_many_queries_as_two(settings: Settings) -> None:
    # Else the queries of the poll would count, and those of a chat that is closed before a subscription attaches.
    settings.FEED_PROBE_SECONDS = settings.FEED_RING_LINGER_SECONDS = 3600
    costs = []
    for count in (2, 200):
        ann, bob, chats = await people_and_chats(count)
        with counted_queries() as queries:
            operation, outlet = await follow_inbox(bob, dict.fromkeys(chats, 2))
        assert len(outlet.events[0]["chats"]) == count
        costs.append(len(queries))
        await in_thread(say, ann, chats[-1])
        await outlet.count(2)
        operation.stop()
    assert costs == [3, 3]  # the memberships, the unread counts, the states of the chats


async def test_a_closed_outlet_keeps_the_position_of_every_chat() -> None:
    ann, bob, chats = await people_and_chats(3)
    operation, outlet = await follow_inbox(bob)
    _watching, watcher = await follow_inbox(ann)
    for count in (1, 13):
        outlet.open = False
        for chat in chats * 4:
            await in_thread(say, ann, chat)
        await watcher.count(count + 12)
        await outlet.count(count)
        outlet.open = True
        operation.resume()
        await outlet.count(count + 12)
    assert [outlet.seqs(chat) for chat in chats] == [list(range(3, 11))] * 3


async def test_a_chat_that_fails_ends_the_whole_inbox(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Else the client would miss that chat without knowing it. It subscribes again with its cursors."""
    ann, bob, (one, other) = await people_and_chats(2)
    await in_thread(say, ann, one)

    def fail(*_arguments: object) -> None:
        raise OperationalError("a secret address")

    monkeypatch.setattr("schema.live.memory.older_events.read_range", fail)
    _operation, outlet = await follow_inbox(bob, {one: 2})
    await outlet.until(lambda one: one.errors)
    assert outlet.errors is not None
    assert outlet.errors[0]["extensions"]["code"] == "INTERNAL"  # type: ignore[index]
    assert "secret" not in str(outlet.errors)
    monkeypatch.undo()
    await in_thread(say, ann, other)
    _again, outlet = await follow_inbox(bob, {one: 2, other: 2})
    await outlet.count(3)
    assert [outlet.seqs(one), outlet.seqs(other)] == [[3], [3]]


async def test_stop_leaves_nothing_behind() -> None:
    ann, bob, chats = await people_and_chats(3)
    operation, outlet = await follow_inbox(bob)
    attached = [live_chats().open_chats[chat.pk] for chat in chats]
    operation.stop()
    operation.stop()
    assert all(chat.is_idle for chat in attached)
    assert get_hub()._user_feeds.users_with_membership_listeners() == []
    assert get_hub()._user_feeds._versions == {}
    for chat in chats:
        await in_thread(say, ann, chat)
    async with asyncio.timeout(20):
        while live_chats().open_chats or get_hub()._chats:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)
    assert outlet.names() == ["InboxReady"]


async def test_a_start_that_is_cancelled_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    _ann, bob, _chats = await people_and_chats(3)
    reading = asyncio.Event()

    async def never(*_arguments: object) -> None:
        reading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(inbox, "in_thread", never)
    outlet = InboxOutlet()
    task = asyncio.create_task(follow_inbox(bob, outlet=outlet))
    await reading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert get_hub()._user_feeds.users_with_membership_listeners() == []
    assert outlet.events == []


async def test_typing_in_each_chat_and_an_edit() -> None:
    ann, bob, (one, other) = await people_and_chats(2)
    _operation, outlet = await follow_inbox(bob)
    for chat in (one, other):
        await in_thread(set_typing, ann.pk, chat.pk, True)
    message = await in_thread(say, ann, one, "Hullo")
    await in_thread(edit_message, ann.pk, message.pk, "Hello")
    await outlet.count(3)
    await outlet.until(lambda one: len(one.ephemeral) == 2)
    assert {event["chatId"] for event in outlet.ephemeral.values()} == set(ids(one, other))
    assert outlet.events[-1]["message"]["text"] == "Hello"
