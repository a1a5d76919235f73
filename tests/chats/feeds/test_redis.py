"""Feeds poll the log while Redis is away at the start or drops the subscription."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from pytest_django import Settings

from chats.feeds.channel_layer import PubSubLayer
from chats.feeds.hub import Hub, get_hub
from foundation import redis as redis_module
from foundation.database import in_thread
from foundation.redis import async_redis, close_async_redis
from tests.chats.feeds.listeners import Listener, a_chat, listen
from tests.factories import say

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub_of_the_loop")]


@pytest.fixture
async def hub_without_redis(hub_of_the_loop: None, settings: Settings) -> AsyncIterator[Hub]:
    """A hub whose Redis does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    await close_async_redis()
    layer = PubSubLayer(hosts=[settings.REDIS_URL])
    hub = Hub(layer)
    yield hub
    await hub.close()
    await layer.flush()
    await redis_module.close_async_redis()


async def test_a_redis_that_is_away_at_the_start(
    hub_without_redis: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    ann, _bob, chat = await a_chat()
    listener = Listener()
    feed = await hub_without_redis.listen(chat.pk, listener)
    assert feed is not None
    for _ in range(3):
        await in_thread(say, ann, chat)
    await listener.until(lambda one: len(one.seqs) >= 3)
    assert listener.seqs == [3, 4, 5]
    logged = [record for record in caplog.records if record.name == "chats.feeds.layer_channel"]
    assert len(logged) == 1  # once, not with each attempt


async def test_a_subscription_that_redis_drops(settings: Settings) -> None:
    ann, _bob, chat = await a_chat()
    listener, _feed = await listen(chat)
    await in_thread(say, ann, chat)
    await listener.until(lambda one: one.seqs == [3])
    for round_ in range(3):
        await kill_subscriptions()
        for _ in range(3):
            await in_thread(say, ann, chat)
        await listener.until(partial(has_reached, 6 + 3 * round_))
    assert listener.seqs == list(range(3, 13))


def has_reached(seq: int, listener: Listener) -> bool:
    return listener.seqs[-1] >= seq


async def kill_subscriptions() -> None:
    """Have Redis close every connection with a subscription; waits until there is one."""
    client: Any = async_redis()
    async with asyncio.timeout(30):
        while not int(await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_hub_can_be_closed_at_any_moment() -> None:
    ann, _bob, chat = await a_chat()
    await listen(chat)
    await in_thread(say, ann, chat)
    await get_hub().close()
