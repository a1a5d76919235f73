"""Typing: delivered at once or never, only the latest of each person, to members only, within a rate limit."""

from typing import Any

import pytest
from pytest_django import Settings

from chats.events import TypingChanged
from chats.feeds import publish
from chats.feeds.hub import get_hub
from chats.log.read import read_range
from chats.models import Chat
from chats.profiles import profiles
from chats.services import remove_member, set_typing
from foundation.database import in_thread
from tests.factories import make_users, say
from tests.schema.executing import code_of, count_rows, data_of, ids
from tests.schema.live.inboxes import follow_inbox
from tests.schema.live.outlets import (
    FakeOutlet,
    a_group,
    both_kinds,
    event_in,
    follow,
    follow_ready,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_poll")]

SET_TYPING = "mutation ($chat: ID!, $typing: Boolean!) { setTyping(chatId: $chat, typing: $typing) }"


@both_kinds
async def test_it_is_delivered_to_all_subscribers_and_stored_nowhere(query: str) -> None:
    ann, bob, chat = await a_group()
    reader, _ = await follow_ready(bob, chat, query=query)
    typist, _ = await follow_ready(ann, chat, query=query)  # another of their devices may show it
    _inbox, inbox = await follow_inbox(bob)
    before = await in_thread(count_rows)
    assert await data_of(ann, SET_TYPING, chat=ids(chat)[0], typing=True) == {"setTyping": True}
    for subscriber in (reader, typist):
        await subscriber.outlet.wait_for(lambda one=subscriber: one.outlet.ephemeral)  # type: ignore[misc]
        ((_key, payload),) = subscriber.outlet.ephemeral
        assert event_in(payload) == {"__typename": "TypingChanged", "typing": True}
        assert subscriber.outlet.rest == []
    await inbox.until(lambda one: one.ephemeral)
    (event,) = inbox.ephemeral.values()
    assert event["user"] == {"username": ann.username}
    assert await in_thread(count_rows) == before
    again, replayed = await follow_ready(bob, chat, since=2, query=query)
    assert replayed == 0
    await in_thread(say, ann, chat)
    assert await again.outlet.seqs(1) == [3]
    assert again.outlet.ephemeral == []


async def test_each_person_has_their_own_key() -> None:
    ann, bob, chat = await a_group()
    reader, _ = await follow_ready(bob, chat)
    for person in (ann, bob, ann):
        await in_thread(set_typing, person.pk, chat.pk, True)
    await reader.outlet.wait_for(lambda: len(reader.outlet.ephemeral) == 3)
    first, second, third = (key for key, _ in reader.outlet.ephemeral)
    assert first == third != second


async def test_a_non_member_cannot_set_it_nor_tell_a_foreign_chat_from_a_missing_one() -> None:
    ann, bob, chat = await a_group()
    (eve,) = await in_thread(make_users, 1)
    reader, _ = await follow_ready(bob, chat)
    for wanted in (chat, Chat(pk=2**40)):
        assert await code_of(eve, SET_TYPING, chat=ids(wanted)[0], typing=True) == "NOT_FOUND"
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    assert await code_of(bob, SET_TYPING, chat=ids(chat)[0], typing=True) == "NOT_FOUND"
    await reader.outlet.wait_for(lambda: reader.outlet.completed)
    assert reader.outlet.ephemeral == []


async def test_it_has_its_own_rate_limit(settings: Settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "typing": "2/minute"}
    ann, bob, chat = await a_group()
    reader, _ = await follow_ready(bob, chat)
    for typing in (True, False):
        await data_of(ann, SET_TYPING, chat=ids(chat)[0], typing=typing)
    assert await code_of(ann, SET_TYPING, chat=ids(chat)[0], typing=True) == "RATE_LIMITED"
    await data_of(bob, SET_TYPING, chat=ids(chat)[0], typing=True)
    await in_thread(say, ann, chat)
    await reader.outlet.events(1)
    assert len(reader.outlet.ephemeral) == 3


async def test_it_is_delivered_neither_before_feed_ready_nor_after_the_end() -> None:
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    outlet = FakeOutlet(open=False)
    subscriber = await follow(bob, chat, outlet=outlet)
    await in_thread(set_typing, ann.pk, chat.pk, True)
    await watcher.outlet.wait_for(lambda: watcher.outlet.ephemeral)
    assert outlet.ephemeral == []
    subscriber.reopen()
    await in_thread(set_typing, ann.pk, chat.pk, False)
    await outlet.wait_for(lambda: outlet.ephemeral)
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await outlet.wait_for(lambda: outlet.completed)
    await in_thread(set_typing, ann.pk, chat.pk, True)
    await watcher.outlet.wait_for(lambda: len(watcher.outlet.ephemeral) == 3)
    assert len(outlet.ephemeral) == 1


async def test_events_that_arrive_together_are_delivered_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal and a later typing event, in one message of the channel layer."""
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat)
    watcher, _ = await follow_ready(ann, chat)
    held: list[Any] = []
    with monkeypatch.context() as patched:
        patched.setattr(publish, "_dispatch", held.extend)
        await in_thread(set_typing, ann.pk, chat.pk, True)
        await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
        await in_thread(set_typing, ann.pk, chat.pk, False)
    assert len(publish._merge_events_by_chat(held)) == 1
    await in_thread(publish._dispatch, held)
    await watcher.outlet.wait_for(lambda: len(watcher.outlet.ephemeral) == 2)
    assert subscriber.outlet.completed
    assert [event_in(payload)["typing"] for _, payload in subscriber.outlet.ephemeral] == [True]


async def test_it_is_not_delivered_while_the_feed_is_behind(settings: Settings) -> None:
    """The removal waits for the missing event before it; a later typing event must not overtake it."""
    settings.FEED_GAP_WAIT_MS = 3_600_000
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat)
    watcher, _ = await follow_ready(ann, chat)

    def lose_one() -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(publish, "_dispatch", lambda _publications: None)
            say(ann, chat)
            remove_member(ann.pk, chat.pk, bob.pk)

    await in_thread(lose_one)
    feed = get_hub()._chats[chat.pk]
    posted, left = await in_thread(read_range, chat.pk, 3, 4)
    user = (await in_thread(profiles, [ann.pk]))[ann.pk]
    feed.on_layer_events([left, TypingChanged(chat_id=chat.pk, user=user, typing=True)])
    assert subscriber.outlet.ephemeral == []
    feed.on_layer_events([posted])
    assert subscriber.outlet.completed
    feed.on_layer_events([TypingChanged(chat_id=chat.pk, user=user, typing=True)])
    assert len(watcher.outlet.ephemeral) == 1
    assert subscriber.outlet.ephemeral == []
