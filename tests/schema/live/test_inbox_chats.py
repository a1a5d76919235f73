"""inboxFeed: chats that are added and removed while it runs."""

from typing import Any

import pytest
from django.db import OperationalError

from chats import reads
from chats.access import member_chat_ids
from chats.feeds.hub import get_hub
from chats.services import add_members, leave_chat, remove_member
from foundation.database import in_thread
from schema.live.delivery import inbox
from tests.factories import make_group, say
from tests.schema.executing import ids
from tests.schema.live.inboxes import follow_inbox, lose_notices, people_and_chats

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


async def test_a_viewer_without_chats_gets_the_first_one() -> None:
    ann, _bob, _ = await people_and_chats(0)
    _operation, outlet = await follow_inbox(ann)
    chat = await in_thread(make_group, ann)
    ready, added, joined = await outlet.count(3)
    assert ready == {"__typename": "InboxReady", "chats": []}
    assert added["chat"] == {"id": ids(chat)[0], "title": "Tea", "memberCount": 1}
    assert (joined["__typename"], joined["seq"]) == ("MemberJoined", 1)


async def test_a_new_chat_starts_at_the_joining() -> None:
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


@pytest.mark.parametrize("is_open", [False, True], ids=["not open here", "open here"])
async def test_the_poll_finds_a_new_chat_whose_notice_was_lost(
    monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    ann, bob, _ = await people_and_chats(0)
    chat = await in_thread(make_group, ann)
    _operation, outlet = await follow_inbox(bob)
    if is_open:
        await follow_inbox(ann)
    with monkeypatch.context() as patched:
        lose_notices(patched)
        await in_thread(add_members, ann.pk, chat.pk, [bob.pk])
        await outlet.until(lambda one: "MemberJoined" in one.names())
    assert outlet.names() == ["InboxReady", "ChatAdded", "MemberJoined"]
    await in_thread(say, ann, chat)
    await outlet.count(4)


async def test_a_chat_is_removed_with_the_membership() -> None:
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


async def test_being_removed_and_added_again_at_once() -> None:
    ann, bob, (chat,) = await people_and_chats(1)
    _operation, outlet = await follow_inbox(bob)

    def remove_and_add() -> None:
        for number in range(5):
            remove_member(ann.pk, chat.pk, bob.pk)
            say(ann, chat, f"while they were away {number}")
            add_members(ann.pk, chat.pk, [bob.pk])
            say(ann, chat, f"while they were here {number}")

    await in_thread(remove_and_add)
    await in_thread(say, ann, chat, "the last word")
    await outlet.until(lambda one: one.events[-1].get("message", {}).get("text") == "the last word")
    seqs = outlet.seqs(chat)
    assert seqs == sorted(set(seqs)), "out of order, or twice"
    last_added = len(outlet.events) - outlet.names()[::-1].index("ChatAdded")
    assert [event["seq"] for event in outlet.events[last_added:]] == [21, 22, 23]


async def test_ready_comes_first_even_if_a_notice_comes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, chats = await people_and_chats(3)

    async def with_a_notice(function: Any, *arguments: Any) -> Any:
        found = await in_thread(function, *arguments)
        if function is reads.unread_counts:
            get_hub()._user_feeds.notify_membership_listeners(bob.pk)
            await in_thread(member_chat_ids, bob.pk)  # takes as long as a check of the memberships
        return found

    monkeypatch.setattr(inbox, "in_thread", with_a_notice)
    _operation, outlet = await follow_inbox(bob)
    for chat in chats:
        await in_thread(say, ann, chat)
    await outlet.count(4)
    assert outlet.names() == ["InboxReady", "MessagePosted", "MessagePosted", "MessagePosted"]


async def test_a_failed_check_of_the_memberships_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
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
