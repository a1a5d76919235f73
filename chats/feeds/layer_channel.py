"""This process's one channel of the channel layer: which groups it is in, and whether messages still arrive.

The layer delivers at most once and reports nothing when it stops receiving. So the channel sends itself an echo with
every probe. While an echo is missing, or when another Redis answers than before, messages may have been lost.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from django.conf import settings
from redis.exceptions import RedisError

from foundation.outage_log import OutageLog
from foundation.redis import async_redis
from foundation.task_cancellation import cancel_and_wait

logger = logging.getLogger(__name__)

ECHO = "hub.echo"
# How long received messages are handled before other tasks get to run.
SLICE_SECONDS = 0.02

Message = Mapping[str, Any]


class Layer(Protocol):
    """The part of a channel layer that feeds use."""

    async def new_channel(self, prefix: str = ...) -> str: ...

    async def send(self, channel: str, message: dict[str, Any]) -> None: ...

    async def receive(self, channel: str) -> Message: ...

    async def group_add(self, group: str, channel: str) -> None: ...

    async def group_discard(self, group: str, channel: str) -> None: ...

    async def flush(self) -> None: ...


class LayerChannel:
    """Joins and leaves groups, one after the other, and passes every message to `on_message`.

    While Redis is away, it only notes which groups to join and leave.
    """

    def __init__(self, layer: Layer, on_message: Callable[[Message], None]) -> None:
        self._layer = layer
        self._on_message = on_message
        self._channel: str | None = None
        self._receiving: asyncio.Task[None] | None = None
        self._wanted: set[str] = set()
        self._joined: set[str] = set()
        self._out_of_sync: dict[str, None] = {}
        self._sync_lock = asyncio.Lock()
        self._is_away = False
        self._outage = OutageLog(
            logger,
            "Redis is out of reach: feeds poll the log instead.",
            "Redis answers again, and feeds get events through it.",
        )
        self._echoes_sent = 0
        self._last_echo = 0
        self._last_echo_before = 0
        self._all_echoes_came = False
        self._deaf_seconds = 0.0
        self._run_id: str | None = None

    async def join(self, *groups: str) -> None:
        """Be in these groups when this returns; while Redis is away, from its return on."""
        self._wanted.update(groups)
        self._out_of_sync.update(dict.fromkeys(group for group in groups if group not in self._joined))
        if self._out_of_sync and not self._is_away:
            await self.sync_groups()

    def leave(self, group: str) -> bool:
        """Note that this group is no longer wanted; `sync_groups` leaves it. False if there is nothing to leave."""
        self._wanted.discard(group)
        if group in self._joined:
            self._out_of_sync[group] = None
        else:
            self._out_of_sync.pop(group, None)
        return group in self._out_of_sync

    async def sync_groups(self) -> None:
        """Join the groups that are wanted and leave the others, as far as Redis answers."""
        async with self._sync_lock:
            try:
                channel = await self._open_channel()
                while self._out_of_sync:
                    await self._sync_group(next(iter(self._out_of_sync)), channel)
            except (RedisError, OSError) as error:
                self._is_away = True
                self._outage.failed(error)
            else:
                self._is_away = False
                self._outage.succeeded()

    async def probe_delivery(self) -> bool:
        """Whether everything that was published since the last probe has arrived, as far as the echoes show."""
        if self._out_of_sync or self._channel is None:
            await self.sync_groups()
        all_came_before = self._all_echoes_came
        self._all_echoes_came = self._echoes_sent > 0 and self._last_echo == self._echoes_sent
        none_came = self._echoes_sent > 0 and self._last_echo == self._last_echo_before
        self._last_echo_before = self._last_echo
        # Counts the setting, not a clock: while this process was blocked, it could not receive.
        self._deaf_seconds = self._deaf_seconds + settings.FEED_PROBE_SECONDS if none_came else 0.0
        run_id = await self._redis_run_id()
        is_same_redis, self._run_id = run_id is not None and run_id == self._run_id, run_id
        if self._deaf_seconds > settings.FEED_DEAF_SECONDS and is_same_redis:
            await self._restart()  # Redis answers, so it is the layer that does not receive
        await self._send_echo()
        return self._all_echoes_came and all_came_before and is_same_redis

    async def close(self) -> None:
        """Stop receiving. No other call may be under way."""
        receiving, self._receiving = self._receiving, None
        if receiving is not None:
            await cancel_and_wait(receiving)

    async def _open_channel(self) -> str:
        """The channel's name; the first call makes the channel."""
        if self._channel is None:
            self._channel = await self._layer.new_channel("hub.")
            self._receiving = asyncio.get_running_loop().create_task(
                self._receive_forever(self._channel), name="hub receive"
            )
        return self._channel

    async def _sync_group(self, group: str, channel: str) -> None:
        wanted = group in self._wanted
        if wanted and group not in self._joined:
            await self._layer.group_add(group, channel)
            self._joined.add(group)
        elif not wanted and group in self._joined:
            self._joined.discard(group)
            await self._layer.group_discard(group, channel)
        if wanted == (group in self._wanted):
            self._out_of_sync.pop(group, None)

    async def _receive_forever(self, channel: str) -> None:
        loop = asyncio.get_running_loop()
        slice_ends = loop.time() + SLICE_SECONDS
        while True:
            try:
                message = await self._layer.receive(channel)
            except Exception:
                logger.exception("The channel layer could not be read")
                await asyncio.sleep(settings.FEED_RETRY_SECONDS)
                continue
            try:
                self._dispatch(message)
            except Exception:
                logger.exception("A message of the channel layer could not be handled")
            # The layer's queue answers without a suspension while it has messages: let other tasks run in between. Not
            # after each message, since servers write together what they get in one turn of the loop.
            if loop.time() > slice_ends:
                await asyncio.sleep(0)
                slice_ends = loop.time() + SLICE_SECONDS

    def _dispatch(self, message: Message) -> None:
        if message["type"] == ECHO:
            self._last_echo = message["number"]
        else:
            self._on_message(message)

    async def _send_echo(self) -> None:
        if self._channel is None:
            return
        self._echoes_sent += 1
        try:
            await self._layer.send(self._channel, {"type": ECHO, "number": self._echoes_sent})
        except (RedisError, OSError) as error:
            self._outage.failed(error)

    async def _restart(self) -> None:
        logger.error("The channel layer receives nothing although Redis answers; restarting it")
        if self._receiving is not None:
            self._receiving.cancel()
        self._channel = None
        self._out_of_sync.update(dict.fromkeys(self._wanted))
        self._joined.clear()
        self._deaf_seconds = 0.0
        try:
            async with asyncio.timeout(settings.REDIS_TIMEOUT_SECONDS):
                await self._layer.flush()
        except (RedisError, OSError) as error:
            self._outage.failed(error)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # the layer mistakes a cancellation of its caller for that of its reader
        await self.sync_groups()

    async def _redis_run_id(self) -> str | None:
        """The id of the Redis that answers; None if none does. A new one has lost what was published meanwhile."""
        try:
            async with asyncio.timeout(settings.FEED_PROBE_SECONDS):
                info = await async_redis().info("server")
        except (RedisError, OSError):
            return None
        return str(info["run_id"])
