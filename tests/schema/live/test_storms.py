"""Reconnect storms: their cost in database queries grows with the chats, not with the sockets."""

import asyncio
import random

import pytest
from pytest_django import Settings

from auth.models import User
from chats.models import Chat
from foundation.database import in_thread
from schema.live.delivery.live_chats import LiveChats
from tests.factories import make_group, make_users, say
from tests.foundation.test_database import connections_in_use
from tests.schema.live.outlets import Subscriber, follow
from tests.sql_statements import counted_queries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]

CHATS, MESSAGES = 5, 150
SUBSCRIBERS = 3000


def people_and_chats() -> tuple[list[User], list[Chat]]:
    people = make_users(10)
    chats = [make_group(*people) for _ in range(CHATS)]
    for chat in chats:
        for number in range(MESSAGES):
            say(people[0], chat, f"{number}")
    return people, chats


@pytest.mark.parametrize("is_warm", [False, True], ids=["cold", "warm"])
async def test_three_thousand_subscribers_reconnect_at_once(is_warm: bool, settings: Settings) -> None:
    # Else the queries of the poll would count, and those of a chat that is closed before a subscription attaches.
    settings.FEED_PROBE_SECONDS = settings.FEED_RING_LINGER_SECONDS = 3600
    people, chats = await in_thread(people_and_chats)
    last = 10 + MESSAGES
    if is_warm:
        watchers = [await follow(people[0], chat, since=10) for chat in chats]
        for watcher in watchers:
            assert await watcher.outlet.events(1 + MESSAGES)
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    randomness = random.Random(seed)
    requests = [
        (randomness.choice(people), randomness.choice(chats), randomness.randint(10, last))
        for _ in range(SUBSCRIBERS)
    ]
    with counted_queries() as queries:
        storm = await asyncio.gather(*(follow(viewer, chat, since) for viewer, chat, since in requests))
        for subscriber, (_viewer, _chat, since) in zip(storm, requests, strict=True):
            await expect_replay(subscriber, since, last)
    # The states of the chats and the memberships are read in batches. The log of each chat is read four times at most,
    # with four queries each, since each read doubles what the ring holds (32, 64, 128, all).
    assert len(queries) <= (0 if is_warm else 3 + CHATS * 4 * 4 + 5), len(queries)


async def cost_of(chats_count: int, sockets: int) -> int:
    """How many queries it takes when so many subscribers reconnect to chats that are not open yet."""
    people = await in_thread(make_users, 2)

    def make() -> list[Chat]:
        chats = [make_group(*people) for _ in range(chats_count)]
        for chat in chats * 5:
            say(people[0], chat)
        return chats

    chats = await in_thread(make)
    used_before = connections_in_use()
    with counted_queries() as queries:
        storm = await asyncio.gather(
            *(follow(people[number % 2], chats[number % chats_count], 2) for number in range(sockets))
        )
        for subscriber in storm:
            await expect_replay(subscriber, 2, 7)
    async with asyncio.timeout(20):
        while connections_in_use() > used_before:  # noqa: ASYNC110 - there is no event: the threads give them back
            await asyncio.sleep(0)
    for subscriber in storm:
        subscriber.stop()
    return len(queries)


async def test_queries_grow_with_chats_and_not_with_sockets(settings: Settings) -> None:
    settings.FEED_PROBE_SECONDS = 3600
    costs = {(chats, sockets): await cost_of(chats, sockets) for chats in (2, 4) for sockets in (50, 100)}
    assert costs[2, 50] == costs[2, 100]
    assert costs[4, 50] == costs[4, 100]
    assert costs[2, 50] < costs[4, 50] <= 2 * costs[2, 50]


async def test_memberships_of_viewers_who_subscribe_one_after_the_other_are_read_together() -> None:
    people = await in_thread(make_users, 40)
    chat = await in_thread(make_group, *people)
    live, opening = LiveChats(), []
    with counted_queries() as queries:
        for person in people:
            opening.append(asyncio.create_task(live.open_for_member(chat.pk, person.pk)))
            await asyncio.sleep(0)
        opened = await asyncio.gather(*opening)
    assert len(set(opened)) == 1
    assert None not in opened
    # The first viewer's, those during that read, and those before the chat started to open.
    assert sum(query.startswith('SELECT "chats_membership"') for query in queries) <= 3, queries


async def expect_replay(subscriber: Subscriber, since: int, last: int) -> None:
    ready, *events = await subscriber.outlet.events(1 + last - since)
    assert (ready["seq"], ready["replayed"]) == (since, last - since)
    assert [event["seq"] for event in events] == list(range(since + 1, last + 1))
