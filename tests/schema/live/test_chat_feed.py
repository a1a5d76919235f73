"""chatFeed: what comes first, where it continues, and that no event is missing in between."""

import asyncio
import json
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from auth.models import User
from chats.models import Chat, Event
from chats.services import add_members, remove_member
from foundation.database import in_thread
from schema.execution import RequestRefused
from schema.live.memory import older_events
from tests.factories import make_users, say
from tests.schema.live.outlets import FakeOutlet, a_group, both_kinds, follow, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


async def refusal_of(*arguments: Any) -> Any:
    with pytest.raises(RequestRefused) as refused:
        await follow(*arguments)
    (error,) = refused.value.errors
    assert error["path"] == ["chatFeed"]
    return error


@both_kinds
async def test_ready_comes_first_and_then_live_events(query: str) -> None:
    ann, bob, chat = await a_group(3)
    subscriber = await follow(bob, chat, query=query)
    sent = await in_thread(say, ann, chat, "Hello")
    ready, posted = await subscriber.outlet.events(2)
    assert ready == {"__typename": "FeedReady", "seq": 5, "replayed": 0}
    assert posted["__typename"] == "MessagePosted"
    assert (posted["seq"], posted["message"]["text"]) == (6, "Hello")
    assert sent.seq == 6


@both_kinds
@pytest.mark.parametrize("since", [0, 2, 3, 5])
async def test_missed_events_are_replayed_in_order(query: str, since: int) -> None:
    ann, bob, chat = await a_group(3)
    subscriber, replayed = await follow_ready(bob, chat, since, query)
    assert replayed == 5 - since
    await in_thread(say, ann, chat)
    assert await subscriber.outlet.seqs(6 - since) == list(range(since + 1, 7))


@both_kinds
async def test_replay_and_live_events_join_without_a_gap(query: str) -> None:
    ann, bob, chat = await a_group(10)

    async def post(sender: User) -> None:
        for number in range(25):
            await in_thread(say, sender, chat, f"{sender.username} {number}")

    writers = [asyncio.create_task(post(sender)) for sender in (ann, bob, ann)]
    subscribers = []
    for since in (0, 3, 7, 12, 12, 5):
        subscribers.append((since, await follow_ready(bob, chat, since, query)))
        await subscribers[0][1][0].outlet.wait_for(lambda: len(subscribers[0][1][0].outlet.payloads) > 5)
    await asyncio.gather(*writers)
    last = 2 + 10 + 75
    for since, (subscriber, _replayed) in subscribers:
        assert await subscriber.outlet.seqs(last - since) == list(range(since + 1, last + 1))
        assert subscriber.outlet.rest == []


async def test_a_seq_that_the_chat_never_reached() -> None:
    ann, bob, chat = await a_group(1)
    subscriber, replayed = await follow_ready(bob, chat, since=100)
    assert replayed == 0
    assert await subscriber.outlet.event() == {
        "__typename": "FeedReset",
        "seq": 3,
        "reason": "AHEAD_OF_SERVER",
    }
    await in_thread(say, ann, chat)
    assert await subscriber.outlet.seqs(1) == [4]


async def test_more_missed_events_than_a_feed_replays(settings: Settings) -> None:
    settings.MAX_REPLAY_EVENTS = 4
    ann, bob, chat = await a_group(5)
    _, replayed = await follow_ready(bob, chat, since=3)
    assert replayed == 4
    subscriber, replayed = await follow_ready(bob, chat, since=2)
    assert replayed == 0
    assert await subscriber.outlet.event() == {"__typename": "FeedReset", "seq": 7, "reason": "TOO_MANY"}
    await in_thread(say, ann, chat)
    assert await subscriber.outlet.seqs(1) == [8]


async def test_missed_events_that_the_log_no_longer_has() -> None:
    ann, bob, chat = await a_group(5)
    await in_thread(Event.objects.filter(chat=chat, seq__lte=4).delete)
    _, replayed = await follow_ready(bob, chat, since=4)
    assert replayed == 3
    subscriber, replayed = await follow_ready(bob, chat, since=3)
    assert replayed == 0
    assert await subscriber.outlet.event() == {
        "__typename": "FeedReset",
        "seq": 7,
        "reason": "BEYOND_HORIZON",
    }
    await in_thread(say, ann, chat)
    assert await subscriber.outlet.seqs(1) == [8]


@both_kinds
async def test_events_that_are_pruned_while_a_client_does_not_read(query: str, settings: Settings) -> None:
    settings.FEED_RING_EVENTS = 3
    ann, bob, chat = await a_group(0)
    subscriber, _ = await follow_ready(bob, chat, query=query)
    watcher, _ = await follow_ready(ann, chat)
    subscriber.close()
    for _number in range(9):
        await in_thread(say, ann, chat)
    await watcher.outlet.events(9)
    await in_thread(Event.objects.filter(chat=chat, seq__lte=6).delete)
    subscriber.reopen()
    assert await subscriber.outlet.event() == {
        "__typename": "FeedReset",
        "seq": 11,
        "reason": "BEYOND_HORIZON",
    }
    await in_thread(say, ann, chat)
    assert await subscriber.outlet.seqs(1) == [12]


@both_kinds
@pytest.mark.parametrize("ring", [1, 4, 1000])
async def test_a_closed_outlet_keeps_its_position(query: str, ring: int, settings: Settings) -> None:
    settings.FEED_RING_EVENTS = ring
    settings.FEED_LOG_PAGE = 5
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat, query=query)
    watcher, _ = await follow_ready(ann, chat)
    for round_ in range(2):
        subscriber.close()
        for _number in range(12):
            await in_thread(say, ann, chat)
        assert await watcher.outlet.seqs(12) == list(range(3 + 12 * round_, 15 + 12 * round_))
        assert subscriber.outlet.rest == []
        subscriber.reopen()
        assert await subscriber.outlet.seqs(12) == list(range(3 + 12 * round_, 15 + 12 * round_))


@both_kinds
async def test_an_outlet_that_takes_one_payload_at_a_time(query: str) -> None:
    ann, bob, chat = await a_group(8)
    outlet = FakeOutlet(open=False)
    subscriber = await follow(bob, chat, since=0, query=query, outlet=outlet)
    outlet.on_next = subscriber.close
    await in_thread(say, ann, chat)
    assert outlet.payloads == []
    for count in range(1, 12 + 1):
        subscriber.reopen()
        await outlet.wait_for(lambda count=count: len(outlet.payloads) == count)  # type: ignore[misc]
    events = await outlet.events(12)
    assert events[0]["__typename"] == "FeedReady"
    assert [event["seq"] for event in events] == [0, *range(1, 12)]


async def test_ready_comes_first_even_if_the_outlet_opens_before_resume() -> None:
    """The outlet is open again and `resume` is still to come: an event must not overtake what was held back."""
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    outlet = FakeOutlet(open=False)
    await follow(bob, chat, outlet=outlet)
    outlet.open = True
    await in_thread(say, ann, chat)
    await watcher.outlet.events(1)
    assert [event["__typename"] for event in await outlet.events(2)] == ["FeedReady", "MessagePosted"]


@both_kinds
async def test_a_removed_member_gets_the_removal_and_nothing_more(query: str) -> None:
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat, query=query)
    watcher, _ = await follow_ready(ann, chat)
    await in_thread(say, ann, chat, "before")
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.rest)
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await in_thread(say, ann, chat, "after")
    await watcher.outlet.events(3)
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.completed)
    assert [event["__typename"] for event in subscriber.outlet.rest] == ["MessagePosted", "MemberLeft"]
    for since in (None, 0, 3):
        assert (await refusal_of(bob, chat, since))["extensions"] == {"code": "NOT_FOUND"}


@both_kinds
async def test_a_member_who_is_removed_while_not_reading_gets_nothing_more(query: str) -> None:
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat, query=query)
    watcher, _ = await follow_ready(ann, chat)
    subscriber.close()
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await in_thread(say, ann, chat, "after")
    await watcher.outlet.events(2)
    assert subscriber.outlet.completed
    assert "after" not in str(subscriber.outlet.payloads)


async def test_a_member_who_is_added_again_starts_at_their_joining() -> None:
    ann, bob, chat = await a_group()
    await in_thread(Chat.objects.filter(pk=chat.pk).update, history_from_join=True)
    watcher, _ = await follow_ready(ann, chat)
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    await in_thread(say, ann, chat, "in their absence")
    await in_thread(add_members, ann.pk, chat.pk, [bob.pk])
    await watcher.outlet.events(3)
    subscriber, replayed = await follow_ready(bob, chat, since=2)
    assert replayed == 1
    assert (await subscriber.outlet.event())["__typename"] == "MemberJoined"
    assert "absence" not in str(subscriber.outlet.payloads)


async def test_a_non_member_gets_the_answer_for_a_missing_chat() -> None:
    _ann, bob, chat = await a_group()
    eve = (await in_thread(make_users, 1))[0]
    foreign = await refusal_of(eve, chat)
    missing = await refusal_of(eve, Chat(pk=2**40))
    assert foreign == missing
    assert foreign["extensions"] == {"code": "NOT_FOUND"}
    await follow_ready(bob, chat)
    assert await refusal_of(eve, chat) == missing


@pytest.mark.parametrize(("since", "code"), [(-1, "BAD_INPUT"), (2**31, "BAD_INPUT")])
async def test_an_invalid_since(since: int, code: str) -> None:
    _ann, bob, chat = await a_group()
    with pytest.raises(RequestRefused) as refused:
        await follow(bob, chat, since)
    assert refused.value.errors[0]["extensions"]["code"] == code  # type: ignore[index]


async def test_a_log_that_cannot_be_read_ends_the_operation_with_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _ann, bob, chat = await a_group(3)

    def read_range(*_arguments: object) -> None:
        raise OperationalError("secret address of the database")

    monkeypatch.setattr(older_events, "read_range", read_range)
    subscriber = await follow(bob, chat, since=0)
    await subscriber.outlet.wait_for(lambda: subscriber.outlet.ended)
    assert "secret" not in json.dumps(subscriber.outlet.errors)
    assert subscriber.outlet.errors[0]["extensions"]["code"] == "INTERNAL"  # type: ignore[index]
