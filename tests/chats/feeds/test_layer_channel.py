"""The channel, and a layer that takes its caller's cancelling for its own."""

import asyncio
import contextlib
from typing import Any

import pytest
from pytest_django import Settings

from chats.feeds.hub import Hub
from chats.feeds.layer_channel import LayerChannel
from foundation.redis import close_async_redis
from tests.chats.feeds.test_random_layers import FaultyLayer


class DeafLayer(FaultyLayer):
    """Nothing that is sent arrives; its `flush` is that of channels_redis."""

    def __init__(self) -> None:
        super().__init__()
        self.flushing = asyncio.Event()

    async def send(self, channel: str, message: Any) -> None:
        """Lose it."""

    async def flush(self) -> None:
        """Cancel the reader and wait for it."""
        reader = asyncio.create_task(asyncio.Event().wait())
        self.flushing.set()
        with contextlib.suppress(asyncio.CancelledError):
            await reader


async def test_a_hub_is_closed_also_while_its_layer_begins_anew(settings: Settings) -> None:
    settings.FEED_PROBE_SECONDS = settings.FEED_DEAF_SECONDS = 0.01
    layer = DeafLayer()
    hub = Hub(layer)
    await hub.listen_control(1, lambda _body: None)
    async with asyncio.timeout(20):
        await layer.flushing.wait()
        await hub.close()
    await close_async_redis()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "hub poll"] == []


@pytest.mark.parametrize("count", [1, 3])
async def test_a_deaf_layer_is_begun_anew_with_all_its_groups(settings: Settings, count: int) -> None:
    settings.FEED_PROBE_SECONDS = settings.FEED_DEAF_SECONDS = 0.01
    layer = FaultyLayer()
    hub = Hub(layer)
    for user_id in range(count):
        await hub.listen_control(user_id, lambda _body: None)
    groups = set(layer.groups)
    begun_anew = asyncio.Event()

    async def send(channel: str, message: Any) -> None:
        pass

    async def flush() -> None:
        layer.groups.clear()
        begun_anew.set()

    layer.send, layer.flush = send, flush  # type: ignore[method-assign]
    async with asyncio.timeout(20):
        await begun_anew.wait()
        while layer.groups != groups:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
    await hub.close()
    await close_async_redis()


async def test_time_in_which_the_process_stood_still_makes_no_layer_deaf(settings: Settings) -> None:
    """A probe is late by as much, and the word that it waits for has had no chance to come."""
    settings.FEED_PROBE_SECONDS = 1
    settings.FEED_DEAF_SECONDS = 2.5
    layer = FaultyLayer()
    restarts = 0

    async def flush() -> None:
        nonlocal restarts
        restarts += 1

    async def send(channel: str, message: Any) -> None:
        pass

    layer.send, layer.flush = send, flush  # type: ignore[method-assign]
    channel = LayerChannel(layer, lambda _message: None)
    await channel.join("group")
    begun = []
    for _ in range(8):
        await channel.probe()  # as late as one likes: none of them looks at a clock
        begun.append(restarts)
    await channel.close()
    await close_async_redis()
    assert begun == [0, 0, 0, 1, 1, 1, 2, 2]


async def test_a_link_is_closed_when_nobody_receives_any_more() -> None:
    layer = FaultyLayer()
    channel = LayerChannel(layer, lambda _message: None)
    await channel.join("group")
    await channel.close()
    await channel.close()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "hub receive"] == []
