"""Deleted text is really gone: no replay carries it, neither from memory nor from the log."""

import asyncio
from typing import Any

import pytest
from pytest_django import Settings

from chats import reads
from chats.services import delete_message, edit_message, remove_member
from foundation.database import in_thread
from schema import loaders
from tests.factories import say
from tests.schema.live.outlets import SHARED, a_group, both_kinds, follow_ready
from tests.sql_statements import counted_queries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]

REPLIES = SHARED.replace("message { id text", "message { id replyTo { text } text")


def hold_lookups(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Delay lookups of messages: the first event is set when one starts, and setting the second releases them."""
    started, release = asyncio.Event(), asyncio.Event()

    async def slowly(function: Any, *arguments: Any) -> Any:
        if getattr(function, "func", None) is reads.visible_messages and not release.is_set():
            started.set()
            await release.wait()
        return await in_thread(function, *arguments)

    monkeypatch.setattr(loaders, "in_thread", slowly)
    return started, release


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
    delivered = str(subscriber.outlet.payloads)
    assert "secret" not in delivered
    assert "hidden" not in delivered
    texts = [event.get("message", {}).get("text") for event in events]
    assert texts == ["", "shown", "", "shown", None]


@both_kinds
async def test_a_client_that_did_not_read_before_the_deletion_never_gets_the_text(query: str) -> None:
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


async def test_a_message_that_is_deleted_while_its_payload_is_executed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann, bob, chat = await a_group()
    first = await in_thread(say, ann, chat, "first")
    subscriber, _ = await follow_ready(bob, chat, query=REPLIES)
    watcher, _ = await follow_ready(ann, chat)
    started, release = hold_lookups(monkeypatch)
    message = await in_thread(say, ann, chat, "secret", reply_to_id=first.pk)
    await started.wait()
    await in_thread(delete_message, ann.pk, message.pk)
    await watcher.outlet.events(2)
    release.set()
    events = await subscriber.outlet.events(2)
    assert [event["__typename"] for event in events] == ["MessagePosted", "MessageDeleted"]
    assert "secret" not in str(subscriber.outlet.payloads)


async def test_a_message_that_is_deleted_while_the_last_payloads_are_executed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its reader is removed at the same time, and the events from before the removal are executed for them."""
    ann, bob, chat = await a_group()
    first = await in_thread(say, ann, chat, "first")
    subscriber, _ = await follow_ready(bob, chat, query=REPLIES)
    watcher, _ = await follow_ready(ann, chat)
    started, release = hold_lookups(monkeypatch)
    message = await in_thread(say, ann, chat, "secret", reply_to_id=first.pk)
    await started.wait()
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await watcher.outlet.events(2)
    assert not subscriber.outlet.completed
    await in_thread(delete_message, ann.pk, message.pk)
    await watcher.outlet.events(1)
    release.set()
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


async def test_replays_of_the_same_events_cost_one_read_of_the_log(settings: Settings) -> None:
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
