"""The layer reconnects to Redis after every fault, and leaves nothing of the old connection behind."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_django import Settings
from redis.exceptions import RedisError

from chats.feeds.channel_layer import PubSubLayer
from foundation.redis import async_redis, connection_options


@pytest.fixture
async def layer(settings: Settings) -> AsyncIterator[PubSubLayer]:
    """A layer whose connections Redis knows as "layer"."""
    settings.FEED_RETRY_SECONDS = 0.01
    options = connection_options(settings.REDIS_URL, 5)
    layer = PubSubLayer(hosts=[options | {"client_name": "layer"}])
    yield layer
    await layer.flush()
    await until_connections(0)


async def until_connections(count: int) -> None:
    """Wait until the layer has so many connections: Redis notices a closed one a little later."""
    while len([one for one in await async_redis().client_list() if one["name"] == "layer"]) != count:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def shard(layer: PubSubLayer) -> Any:
    """The connections to the one Redis."""
    return layer._get_layer()._shards[0]


async def receive_from(layer: PubSubLayer, channel: str, group: str) -> None:
    """Wait until a message to the group arrives."""
    receiving = asyncio.create_task(layer.receive(channel))
    while not receiving.done():
        await layer.group_send_many([(group, {"type": "hello"})])
        await asyncio.wait({receiving}, timeout=0.05)
    assert receiving.result() == {"type": "hello"}


async def test_groups_are_joined_while_redis_drops_the_subscription(layer: PubSubLayer) -> None:
    client: Any = async_redis()
    channel = await layer.new_channel()
    for round_ in range(20):
        await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        groups = [f"{round_}.{part}" for part in range(5)]
        for group in groups:
            while not await joined(layer, group, channel):
                pass
    await receive_from(layer, channel, "19.4")
    await receive_from(layer, channel, "0.0")
    await until_connections(2)  # one subscribes, one publishes


async def joined(layer: PubSubLayer, group: str, channel: str) -> bool:
    """Join; False if Redis was away."""
    try:
        await layer.group_add(group, channel)
    except RedisError:
        return False
    return True


@pytest.mark.parametrize("failure", [TimeoutError, RedisError, RuntimeError])
async def test_the_reader_goes_on_after_any_fault(
    layer: PubSubLayer, failure: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    failed = asyncio.Event()

    async def get_message(**_options: Any) -> None:
        failed.set()
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(shard(layer)._pubsub, "get_message", get_message)
        await failed.wait()
    await receive_from(layer, channel, "group")


async def test_the_next_subscription_restarts_a_reader_that_ended(layer: PubSubLayer) -> None:
    channel = await layer.new_channel()
    reader = shard(layer)._receive_task
    reader.cancel()
    await asyncio.wait({reader})
    await layer.group_add("group", channel)
    await receive_from(layer, channel, "group")


async def test_a_cancelled_flush_raises_and_leaves_a_working_layer(
    layer: PubSubLayer,
) -> None:
    await layer.new_channel()
    flushing = asyncio.create_task(layer.flush())
    await asyncio.sleep(0)
    flushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flushing
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    await receive_from(layer, channel, "group")


async def test_a_flush_ends_a_reader_that_swallows_a_cancellation(
    layer: PubSubLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("foundation.task_cancellation.REPEAT_SECONDS", 0.01)
    await layer.new_channel()
    receiving = asyncio.Event()
    swallowed = 0

    async def receive() -> None:
        nonlocal swallowed
        receiving.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed += 1
            if swallowed == 3:
                raise

    monkeypatch.setattr(shard(layer), "_receive_one", receive)
    await receiving.wait()
    await layer.flush()
    assert swallowed == 3


async def test_channels_that_could_not_subscribe_are_forgotten(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    layer = PubSubLayer(hosts=[connection_options(f"redis://127.0.0.1:{port}/0", 5)])
    for _ in range(3):
        with pytest.raises(RedisError):
            await layer.new_channel()
    assert layer._get_layer().channels == {}
    await layer.flush()
