"""Deleting really deletes: no replay carries a text that is gone, whether from memory or from the log."""

import asyncio
from typing import Any

import pytest
from pytest_django import Settings

from chats import reads
from chats.services import delete_message, edit_message, remove_member
from foundation.database import in_thread
from schema import loaders
from tests.factories import say
from tests.schema.executing import counted_queries
from tests.schema.live.outlets import SHARED, a_group, both_kinds, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]

REPLIES = SHARED.replace("message { id text", "message { id replyTo { text } text")


def lookups_held(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Hold the lookup of messages up: the first event says that it has begun, the second lets it go on."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(function: Any, *arguments: Any) -> Any:
        if getattr(function, "func", None) is reads.visible_messages and not go_on.is_set():
            begun.set()
            await go_on.wait()
        return await in_thread(function, *arguments)

    monkeypatch.setattr(loaders, "in_thread", slowly)
    return begun, go_on


@both_kinds
@pytest.mark.parametrize("ring", [2, 1000], ids=["from the log", "from memory"])
async def test_a_replay_after_a_deletion_or_an_edit(query: str, ring: int, settings: Settings) -> None:
    settings.FEED_RING_EVENTS = ring
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(bob, chat, query=query)
    gone = await in_thread(say, ann, chat, "secret")
    edited = await in_thread(say, ann, chat, "hidden")
    await in_thread(edit_message, ann.pk, gone.pk, "secret, again")
    await watcher.outlet.events(3)
    await in_thread(edit_message, ann.pk, edited.pk, "shown")
    await in_thread(delete_message, ann.pk, gone.pk)
    await watcher.outlet.events(2)
    subscriber, replayed = await follow_ready(bob, chat, since=2, query=query)
    assert replayed == 5
    events = await subscriber.outlet.events(5)
    told = str(subscriber.outlet.payloads)
    assert "secret" not in told
    assert "hidden" not in told
    texts = [event.get("message", {}).get("text") for event in events]
    assert texts == ["", "shown", "", "shown", None]


@both_kinds
async def test_who_had_not_read_it_before_its_deletion_never_gets_it(query: str) -> None:
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat, query=query)
    watcher, _ = await follow_ready(ann, chat)
    subscriber.close()
    message = await in_thread(say, ann, chat, "secret")
    await in_thread(delete_message, ann.pk, message.pk)
    await watcher.outlet.events(2)
    subscriber.reopen()
    posted, deleted = await subscriber.outlet.events(2)
    assert posted["message"]["text"] == ""
    assert deleted["__typename"] == "MessageDeleted"


async def test_a_payload_in_the_making_while_its_message_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, chat = await a_group()
    first = await in_thread(say, ann, chat, "first")
    subscriber, _ = await follow_ready(bob, chat, query=REPLIES)
    watcher, _ = await follow_ready(ann, chat)
    begun, go_on = lookups_held(monkeypatch)
    message = await in_thread(say, ann, chat, "secret", reply_to_id=first.pk)
    await begun.wait()
    await in_thread(delete_message, ann.pk, message.pk)
    await watcher.outlet.events(2)
    go_on.set()
    events = await subscriber.outlet.events(2)
    assert [event["__typename"] for event in events] == ["MessagePosted", "MessageDeleted"]
    assert "secret" not in str(subscriber.outlet.payloads)


async def test_a_last_payload_in_the_making_while_its_message_is_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its reader is removed meanwhile: what they have not got of the time before is looked up for the last time."""
    ann, bob, chat = await a_group()
    first = await in_thread(say, ann, chat, "first")
    subscriber, _ = await follow_ready(bob, chat, query=REPLIES)
    watcher, _ = await follow_ready(ann, chat)
    begun, go_on = lookups_held(monkeypatch)
    message = await in_thread(say, ann, chat, "secret", reply_to_id=first.pk)
    await begun.wait()
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await watcher.outlet.events(2)
    assert not subscriber.outlet.completed
    await in_thread(delete_message, ann.pk, message.pk)
    await watcher.outlet.events(1)
    go_on.set()
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    assert [event["__typename"] for event in subscriber.outlet.rest] == ["MemberLeft"]


async def test_a_storm_of_reconnects_is_served_from_memory() -> None:
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(bob, chat)
    for _ in range(20):
        await in_thread(say, ann, chat)
    await watcher.outlet.events(20)
    with counted_queries() as statements:
        for since in range(2, 22):
            subscriber, replayed = await follow_ready(bob, chat, since)
            assert await subscriber.outlet.seqs(replayed) == list(range(since + 1, 23))
    assert [statement for statement in statements if "chats_event" in statement] == []


async def test_many_who_ask_for_the_same_past_cost_one_read_of_the_log(settings: Settings) -> None:
    ann, bob, chat = await a_group()

    def talk() -> None:
        for _ in range(20):
            say(ann, chat)

    await in_thread(talk)
    await follow_ready(ann, chat)
    with counted_queries() as statements:
        started = await asyncio.gather(*(follow_ready(bob, chat, 2) for _ in range(10)))
        for subscriber, _ in started:
            assert await subscriber.outlet.seqs(20) == list(range(3, 23))
    reads_of_the_log = [one for one in statements if 'FROM "chats_event"' in one and "BETWEEN" in one]
    assert len(reads_of_the_log) == 1
