"""inboxFeed: all chats of a viewer in one operation, and chats that come and go."""

import asyncio
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from auth.models import User
from chats import reads
from chats.access import member_chat_ids
from chats.feeds import publish
from chats.feeds.hub import get_hub
from chats.models import Chat
from chats.services import add_members, edit_message, leave_chat, remove_member, set_typing
from foundation.database import in_thread
from schema.live import inbox
from schema.live.live_chats import live_chats
from tests.factories import make_group, make_users, say
from tests.schema.executing import counted_queries, ids
from tests.schema.live.inboxes import InboxOutlet, follow_inbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


async def people_and_chats(chats: int) -> tuple[User, User, list[Chat]]:
    """Two people and groups of theirs, whose last seqs are 2."""

    def make() -> tuple[User, User, list[Chat]]:
        ann, bob = make_users(2)
        return ann, bob, [make_group(ann, bob, title=f"Group {number}") for number in range(chats)]

    return await in_thread(make)


def lose_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing that is published arrives."""
    monkeypatch.setattr(publish, "_dispatch", lambda _publications: None)


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


async def test_who_has_no_chat_waits_for_one() -> None:
    ann, _bob, _ = await people_and_chats(0)
    _operation, outlet = await follow_inbox(ann)
    chat = await in_thread(make_group, ann)
    ready, added, joined = await outlet.count(3)
    assert ready == {"__typename": "InboxReady", "chats": []}
    assert added["chat"] == {"id": ids(chat)[0], "title": "Tea", "memberCount": 1}
    assert (joined["__typename"], joined["seq"]) == ("MemberJoined", 1)


async def test_each_chat_goes_on_from_its_own_seq() -> None:
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


async def test_a_new_member_who_seems_unknown_here_is_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process let them in, and word of it has not come to this one, which follows the chat."""
    ann, bob, (chat,) = await people_and_chats(1)
    (eve,) = await in_thread(make_users, 1)
    _watching, watcher = await follow_inbox(bob)
    lose_notices(monkeypatch)
    await in_thread(add_members, ann.pk, chat.pk, [eve.pk])
    _operation, outlet = await follow_inbox(eve, {chat: 3})
    assert outlet.events[0]["chats"] == [{"chatId": ids(chat)[0], "seq": 3, "unreadCount": 0}]
    await watcher.count(2)


async def test_a_chat_comes_with_all_from_its_joining_on() -> None:
    ann, bob, _ = await people_and_chats(0)
    chat = await in_thread(make_group, ann)
    await in_thread(say, ann, chat, "before")
    _operation, outlet = await follow_inbox(bob)

    def join_and_talk() -> None:
        add_members(ann.pk, chat.pk, [bob.pk])
        say(ann, chat, "at once")

    await in_thread(join_and_talk)
    _ready, added, joined, posted = await outlet.count(4)
    assert added["__typename"] == "ChatAdded"
    assert (joined["__typename"], joined["seq"]) == ("MemberJoined", 3)
    assert posted["message"]["text"] == "at once"


@pytest.mark.parametrize("is_followed", [False, True], ids=["not followed here", "followed here"])
async def test_a_lost_notice_of_a_new_chat_is_made_good_by_the_poll(
    monkeypatch: pytest.MonkeyPatch, is_followed: bool
) -> None:
    ann, bob, _ = await people_and_chats(0)
    chat = await in_thread(make_group, ann)
    _operation, outlet = await follow_inbox(bob)
    if is_followed:
        await follow_inbox(ann)
    with monkeypatch.context() as patched:
        lose_notices(patched)
        await in_thread(add_members, ann.pk, chat.pk, [bob.pk])
        await outlet.until(lambda one: "MemberJoined" in one.names())
    assert outlet.names() == ["InboxReady", "ChatAdded", "MemberJoined"]
    await in_thread(say, ann, chat)
    await outlet.count(4)


async def test_a_chat_goes_when_its_member_does() -> None:
    ann, bob, (chat, other) = await people_and_chats(2)
    _operation, outlet = await follow_inbox(bob)
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await in_thread(say, ann, chat, "behind their back")
    await in_thread(leave_chat, bob.pk, other.pk)
    await in_thread(say, ann, other, "behind their back")
    await outlet.until(lambda one: len(one.events) >= 5)
    await get_hub().poll()
    assert outlet.names() == ["InboxReady", "MemberLeft", "ChatRemoved", "MemberLeft", "ChatRemoved"]
    assert "behind their back" not in str(outlet.events)
    assert not outlet.completed


async def test_leaving_and_coming_back_within_a_moment() -> None:
    ann, bob, (chat,) = await people_and_chats(1)
    _operation, outlet = await follow_inbox(bob)

    def go_and_come() -> None:
        for number in range(5):
            remove_member(ann.pk, chat.pk, bob.pk)
            say(ann, chat, f"while they were away {number}")
            add_members(ann.pk, chat.pk, [bob.pk])
            say(ann, chat, f"while they were here {number}")

    await in_thread(go_and_come)
    await in_thread(say, ann, chat, "the last word")
    await outlet.until(lambda one: one.events[-1].get("message", {}).get("text") == "the last word")
    seqs = outlet.seqs(chat)
    assert seqs == sorted(set(seqs)), "out of order, or twice"
    last_added = len(outlet.events) - outlet.names()[::-1].index("ChatAdded")
    assert [event["seq"] for event in outlet.events[last_added:]] == [21, 22, 23]


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


async def test_ready_comes_first_also_when_a_notice_comes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, chats = await people_and_chats(3)

    async def amid_a_notice(function: Any, *arguments: Any) -> Any:
        found = await in_thread(function, *arguments)
        if function is reads.unread_counts:
            get_hub()._people.tell_memberships(bob.pk)
            await in_thread(member_chat_ids, bob.pk)  # as long as a comparison takes
        return found

    monkeypatch.setattr(inbox, "in_thread", amid_a_notice)
    _operation, outlet = await follow_inbox(bob)
    for chat in chats:
        await in_thread(say, ann, chat)
    await outlet.count(4)
    assert outlet.names() == ["InboxReady", "MessagePosted", "MessagePosted", "MessagePosted"]


async def test_a_look_at_the_memberships_that_fails_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, _ = await people_and_chats(0)
    _operation, outlet = await follow_inbox(bob)
    faults = iter([OperationalError("away"), OSError("broken")])

    def fail_at_first(viewer_id: int) -> list[int]:
        fault = next(faults, None)
        if fault is not None:
            raise fault
        return member_chat_ids(viewer_id)

    monkeypatch.setattr(inbox, "member_chat_ids", fail_at_first)
    await in_thread(make_group, ann, bob)
    await outlet.until(lambda one: "ChatAdded" in one.names())
    assert next(faults, None) is None


async def test_two_hundred_chats_cost_as_many_queries_as_two(settings: Settings) -> None:
    settings.FEED_PROBE_SECONDS = 3600  # the poll would count as well
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
    assert costs == [3, 3]  # the memberships, what is unread, where the chats stand


async def test_a_closed_outlet_keeps_all_chats_in_their_places() -> None:
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
    """With one chat missing, the client would have a hole and not know it: it comes back with its cursors."""
    ann, bob, (one, other) = await people_and_chats(2)
    await in_thread(say, ann, one)

    def fail(*_arguments: object) -> None:
        raise OperationalError("a secret address")

    monkeypatch.setattr("schema.live.recall.read_gap", fail)
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
    attached = [live_chats()._chats[chat.pk] for chat in chats]
    operation.stop()
    operation.stop()
    assert all(chat.is_idle for chat in attached)
    assert get_hub()._people.membership_listeners() == []
    assert get_hub()._people._marks == {}
    for chat in chats:
        await in_thread(say, ann, chat)
    async with asyncio.timeout(20):
        while live_chats()._chats or get_hub()._chats:  # noqa: ASYNC110 - there is no event
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
    assert get_hub()._people.membership_listeners() == []
    assert outlet.events == []


async def test_typing_in_each_chat_and_an_edit_by_its_sender() -> None:
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
