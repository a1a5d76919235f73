"""A removed member gets nothing from after the removal: not live, not from memory, not from the log."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from chats.events import DurableEvent
from chats.feeds import publish
from chats.feeds.hub import get_hub
from chats.log.read import last_seqs, read_range
from chats.models import Chat
from chats.services import add_members, delete_message, edit_message, remove_member
from foundation.database import in_thread
from schema.live.delivery.live_chats import live_chats
from schema.live.memory import older_events
from tests.factories import say
from tests.schema.live.inboxes import follow_inbox
from tests.schema.live.outlets import FakeOutlet, a_group, both_kinds, follow, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_poll")]

LATER = "edited after the removal"


@both_kinds
async def test_missed_events_do_not_show_an_edit_from_after_the_removal(
    query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Post, removal and edit come from the log together, where the message has its last text already."""
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat, query=query)
    watcher, _ = await follow_ready(ann, chat)
    _inbox, inbox = await follow_inbox(bob)
    with monkeypatch.context() as patched:
        patched.setattr(publish, "_dispatch", lambda _publications: None)

        def post_remove_and_edit() -> None:
            message = say(ann, chat, "before")
            remove_member(ann.pk, chat.pk, bob.pk)
            edit_message(ann.pk, message.pk, LATER)

        await in_thread(post_remove_and_edit)
        await get_hub().poll()
        assert await watcher.outlet.seqs(3) == [3, 4, 5]
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    await inbox.until(lambda one: "ChatRemoved" in one.names())
    assert [event["__typename"] for event in subscriber.outlet.rest] == ["MemberLeft"]
    assert LATER in str(watcher.outlet.payloads)
    assert LATER not in str(subscriber.outlet.payloads)
    assert LATER not in str(inbox.events)


@both_kinds
async def test_a_replay_waits_for_events_that_the_feed_does_not_have_yet(
    query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that a replay reads are ahead of the feed by a removal and an edit, whose events are late."""
    ann, bob, chat = await a_group(3)
    watcher, _ = await follow_ready(ann, chat)
    held: list[Any] = []
    stock = publish._dispatch
    monkeypatch.setattr(publish, "_dispatch", held.append)

    def remove_and_edit() -> None:
        message = say(ann, chat, "the last one")
        remove_member(ann.pk, chat.pk, bob.pk)
        edit_message(ann.pk, message.pk - 1, LATER)

    reading, may_read = threading.Event(), threading.Event()

    def read_late(*arguments: int) -> Sequence[DurableEvent]:
        reading.set()
        may_read.wait(20)
        return read_range(*arguments)

    monkeypatch.setattr(older_events, "read_range", read_late)
    subscriber = await follow(bob, chat, since=2, query=query)
    await asyncio.to_thread(reading.wait, 20)
    await in_thread(remove_and_edit)
    may_read.set()
    for publications in held:
        await in_thread(stock, publications)
    await watcher.outlet.events(3)
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    assert LATER not in str(subscriber.outlet.payloads)


@both_kinds
@pytest.mark.parametrize("how", ["edited", "deleted"])
async def test_a_text_that_changes_while_it_is_read_is_not_shown(
    query: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are read before the change and shown after it: the change is applied to them."""
    ann, bob, chat = await a_group(3)
    watcher, _ = await follow_ready(ann, chat)
    secret = await in_thread(say, ann, chat, "secret")
    await watcher.outlet.events(1)
    live_chats().open_chats[chat.pk].on_hole(6)  # nothing is in memory
    reading, may_go_on = threading.Event(), threading.Event()

    def after_the_rows(chat_ids: list[int]) -> dict[int, int]:
        found = last_seqs(chat_ids)
        reading.set()
        may_go_on.wait(20)
        return found

    monkeypatch.setattr(older_events, "last_seqs", after_the_rows)
    subscriber = await follow(bob, chat, since=5, query=query)
    await asyncio.to_thread(reading.wait, 20)
    if how == "edited":
        await in_thread(edit_message, ann.pk, secret.pk, "harmless")
    else:
        await in_thread(delete_message, ann.pk, secret.pk)
    await watcher.outlet.events(1)
    may_go_on.set()
    _ready, posted, _change = await subscriber.outlet.events(3)
    assert posted["seq"] == 6
    assert "secret" not in str(subscriber.outlet.payloads)


async def test_a_slow_client_gets_the_events_in_memory_and_then_the_removal() -> None:
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    outlet = FakeOutlet(open=False)
    subscriber = await follow(bob, chat, outlet=outlet)
    for number in range(3):
        await in_thread(say, ann, chat, f"{number}")
    await watcher.outlet.events(3)
    outlet.open = True  # the client reads again, and `resume` is still to come
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await in_thread(say, ann, chat, LATER)
    await outlet.wait_for(lambda: outlet.completed)
    names = [event["__typename"] for event in outlet.rest]
    assert names == ["FeedReady", "MessagePosted", "MessagePosted", "MessagePosted", "MemberLeft"]
    subscriber.operation.resume()
    await watcher.outlet.events(2)
    assert LATER not in str(outlet.payloads)


@both_kinds
async def test_a_member_who_is_removed_and_added_again_at_once(query: str) -> None:
    ann, bob, chat = await a_group()
    await in_thread(Chat.objects.filter(pk=chat.pk).update, history_from_join=True)
    subscriber, _ = await follow_ready(bob, chat, query=query)

    def remove_and_add() -> None:
        remove_member(ann.pk, chat.pk, bob.pk)
        say(ann, chat, LATER)
        add_members(ann.pk, chat.pk, [bob.pk])

    await in_thread(remove_and_add)
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    again, replayed = await follow_ready(bob, chat, since=3, query=query)
    assert replayed == 1
    assert (await again.outlet.event())["seq"] == 5
    await in_thread(say, ann, chat)
    assert await again.outlet.seqs(1) == [6]
    assert LATER not in str(subscriber.outlet.payloads) + str(again.outlet.payloads)
