"""How operations end, and that nothing is left of them."""

import asyncio
from unittest import mock

import pytest
from channels.layers import get_channel_layer
from pytest_django import Settings

from chats.access import members_among
from chats.feeds.hub import get_hub
from chats.models import Chat
from foundation.database import in_thread
from schema.execution import RequestRefused
from schema.live.delivery.live_chats import live_chats
from tests.client import eventually
from tests.factories import make_users, say
from tests.schema.live.outlets import (
    FakeOutlet,
    Subscriber,
    a_group,
    both_kinds,
    follow,
    follow_ready,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


def groups() -> set[str]:
    """The channel layer's groups that this process has joined."""
    layer = get_channel_layer()
    return set(layer._get_layer().groups)


def tasks() -> set[str]:
    """The tasks that operations started and that still run."""
    names = {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    return {name for name in names if name in ("catch up", "execute", "fill gaps", "open chat", "hub leave")}


async def everything_gone() -> bool:
    return not groups() and not tasks() and not live_chats().open_chats and not get_hub()._chats


@both_kinds
async def test_a_stopped_operation_leaves_nothing_behind(query: str) -> None:
    ann, bob, chat = await a_group(5)
    subscriber, _ = await follow_ready(bob, chat, 0, query)
    other, _ = await follow_ready(ann, chat)
    assert len(groups()) == 1
    subscriber.stop()
    subscriber.stop()
    await in_thread(say, ann, chat)
    assert (await other.outlet.event())["seq"] == 8
    other.stop()
    await eventually(everything_gone)


async def test_a_refused_operation_leaves_nothing_behind() -> None:
    ann, _bob, chat = await a_group()
    eve = (await in_thread(make_users, 1))[0]
    for viewer, wanted in ((eve, chat), (ann, Chat(pk=2**40)), (ann, Chat(pk=2**63 - 1))):
        with pytest.raises(RequestRefused):
            await follow(viewer, wanted)
    await eventually(everything_gone)


async def test_a_start_that_is_cancelled_leaves_nothing_behind() -> None:
    """The client closes its socket while a feed starts, at every step of the start."""
    ann, _bob, chat = await a_group()
    for steps in range(12):
        start = asyncio.create_task(follow(ann, chat))
        for _ in range(steps):
            await asyncio.sleep(0)
        start.cancel()
        [outcome] = await asyncio.gather(start, return_exceptions=True)
        if isinstance(outcome, Subscriber):
            outcome.stop()
        else:
            assert isinstance(outcome, asyncio.CancelledError)
    await eventually(everything_gone)


async def test_a_chat_is_kept_for_a_while_for_clients_that_reconnect(settings: Settings) -> None:
    settings.FEED_RING_LINGER_SECONDS = 60
    ann, bob, chat = await a_group()
    subscriber, _ = await follow_ready(bob, chat)
    opened = live_chats().open_chats[chat.pk]
    subscriber.stop()
    await in_thread(say, ann, chat)
    again, _ = await follow_ready(bob, chat, since=2)
    assert (await again.outlet.event())["seq"] == 3
    assert live_chats().open_chats[chat.pk] is opened


@both_kinds
@pytest.mark.parametrize("since", [None, 0])
async def test_an_operation_that_its_own_payload_stops_gets_no_other(query: str, since: int | None) -> None:
    ann, bob, chat = await a_group(5)
    watcher, _ = await follow_ready(ann, chat)
    outlet = FakeOutlet(open=False)
    subscriber = await follow(bob, chat, since, query, outlet)
    outlet.on_next = subscriber.stop
    subscriber.reopen()
    await outlet.wait_for(lambda: outlet.stopped)
    await in_thread(say, ann, chat)
    await watcher.outlet.events(1)
    assert len(outlet.payloads) == 1


async def test_an_operation_that_stops_others_during_an_event() -> None:
    """As when a write finds a socket closed: all of its operations stop at once."""
    ann, bob, chat = await a_group()
    watcher, _ = await follow_ready(ann, chat)
    subscribers = [(await follow_ready(bob, chat))[0] for _ in range(8)]

    def stop_all() -> None:
        for subscriber in subscribers:
            subscriber.stop()

    for subscriber in subscribers:
        subscriber.outlet.on_next = stop_all
    await in_thread(say, ann, chat)
    await watcher.outlet.events(1)
    assert sum(len(subscriber.outlet.rest) for subscriber in subscribers) == 1


async def test_a_non_member_does_not_open_a_chat() -> None:
    ann, _, chat = await a_group()
    (eve,) = await in_thread(make_users, 1)
    for _ in range(2):
        with pytest.raises(RequestRefused) as refused:
            await follow(eve, chat)
        assert refused.value.errors[0]["extensions"] == {"code": "NOT_FOUND"}
        assert not groups()
        assert not live_chats().open_chats
    followed = await follow(ann, chat)
    with pytest.raises(RequestRefused):
        await follow(eve, chat)
    followed.stop()


async def test_viewers_who_subscribe_together_cost_one_read_of_the_memberships() -> None:
    ann, bob, chat = await a_group()
    with mock.patch("schema.live.delivery.live_chats.members_among", wraps=members_among) as read:
        subscribers = await asyncio.gather(*(follow(viewer, chat) for viewer in (ann, bob) * 50))
    assert read.call_count == 1
    for subscriber in subscribers:
        subscriber.stop()
