"""This process's one channel of the channel layer: the groups it is in, and whether what is sent arrives.

The layer is at-most-once and says nothing when it goes deaf, so the link sends itself a word with every probe. As long
as one of them is missing, and when another Redis answers than before, what was published may have been lost.
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
# How long messages are handed on before others get their turn.
SLICE_SECONDS = 0.02

Message = Mapping[str, Any]


class Layer(Protocol):
    """The part of a channel layer that is used here."""

    async def new_channel(self, prefix: str = ...) -> str: ...

    async def send(self, channel: str, message: dict[str, Any]) -> None: ...

    async def receive(self, channel: str) -> Message: ...

    async def group_add(self, group: str, channel: str) -> None: ...

    async def group_discard(self, group: str, channel: str) -> None: ...

    async def flush(self) -> None: ...


class LayerChannel:
    """Joins and leaves groups, one after the other, and hands every message to `take`. While Redis is away it waits."""

    def __init__(self, layer: Layer, take: Callable[[Message], None]) -> None:
        self._layer = layer
        self._take = take
        self._channel: str | None = None
        self._receiving: asyncio.Task[None] | None = None
        self._wanted: set[str] = set()
        self._joined: set[str] = set()
        self._unsettled: dict[str, None] = {}
        self._settling = asyncio.Lock()
        self._is_away = False
        self._outage = OutageLog(
            logger,
            "Redis is out of reach: feeds poll the log instead.",
            "Redis answers again, and feeds get events through it.",
        )
        self._sent = 0
        self._heard = 0
        self._heard_before = 0
        self._is_whole = False
        self._unheard_seconds = 0.0
        self._run_id: str | None = None

    async def join(self, *groups: str) -> None:
        """Be in these groups when this returns; while Redis is away, from its return on."""
        self._wanted.update(groups)
        self._unsettled.update(dict.fromkeys(group for group in groups if group not in self._joined))
        if self._unsettled and not self._is_away:
            await self.settle()

    def leave(self, group: str) -> bool:
        """Want no more of this group; `settle` leaves it. False if there is nothing to do."""
        self._wanted.discard(group)
        if group in self._joined:
            self._unsettled[group] = None
        else:
            self._unsettled.pop(group, None)
        return group in self._unsettled

    async def settle(self) -> None:
        """Join what is wanted and leave what is not, as far as Redis lets us."""
        async with self._settling:
            try:
                channel = await self._open()
                while self._unsettled:
                    await self._settle_one(next(iter(self._unsettled)), channel)
            except (RedisError, OSError) as error:
                self._is_away = True
                self._outage.failed(error)
            else:
                self._is_away = False
                self._outage.succeeded()

    async def probe(self) -> bool:
        """Whether all that was published since the last probe has arrived, as far as one can know."""
        if self._unsettled or self._channel is None:
            await self.settle()
        was_whole, self._is_whole = self._is_whole, self._sent > 0 and self._heard == self._sent
        is_unheard = self._sent > 0 and self._heard == self._heard_before
        self._heard_before = self._heard
        # The time between two probes as it should have been: while this process stood still, it could hear nothing.
        self._unheard_seconds = self._unheard_seconds + settings.FEED_PROBE_SECONDS if is_unheard else 0.0
        run_id = await self._redis_run_id()
        is_same, self._run_id = run_id is not None and run_id == self._run_id, run_id
        if self._unheard_seconds > settings.FEED_DEAF_SECONDS and is_same:
            await self._restart()  # Redis answers, so it is the layer that is deaf
        await self._send_echo()
        return self._is_whole and was_whole and is_same

    async def close(self) -> None:
        """Receive nothing more. Nothing else may be under way here."""
        receiving, self._receiving = self._receiving, None
        if receiving is not None:
            await cancel_and_wait(receiving)

    async def _open(self) -> str:
        """The channel, made when it is first needed."""
        if self._channel is None:
            self._channel = await self._layer.new_channel("hub.")
            self._receiving = asyncio.get_running_loop().create_task(
                self._receive(self._channel), name="hub receive"
            )
        return self._channel

    async def _settle_one(self, group: str, channel: str) -> None:
        wanted = group in self._wanted
        if wanted and group not in self._joined:
            await self._layer.group_add(group, channel)
            self._joined.add(group)
        elif not wanted and group in self._joined:
            self._joined.discard(group)
            await self._layer.group_discard(group, channel)
        if wanted == (group in self._wanted):
            self._unsettled.pop(group, None)

    async def _receive(self, channel: str) -> None:
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
                self._hand_on(message)
            except Exception:
                logger.exception("A message of the channel layer could not be handed on")
            # The layer's queue answers without a suspension while it holds messages: let others run in between. Not
            # after each, since servers write what they were given in one turn of the loop together.
            if loop.time() > slice_ends:
                await asyncio.sleep(0)
                slice_ends = loop.time() + SLICE_SECONDS

    def _hand_on(self, message: Message) -> None:
        if message["type"] == ECHO:
            self._heard = message["number"]
        else:
            self._take(message)

    async def _send_echo(self) -> None:
        if self._channel is None:
            return
        self._sent += 1
        try:
            await self._layer.send(self._channel, {"type": ECHO, "number": self._sent})
        except (RedisError, OSError) as error:
            self._outage.failed(error)

    async def _restart(self) -> None:
        logger.error("The channel layer is deaf though Redis answers; it is begun anew")
        if self._receiving is not None:
            self._receiving.cancel()
        self._channel = None
        self._unsettled.update(dict.fromkeys(self._wanted))
        self._joined.clear()
        self._unheard_seconds = 0.0
        try:
            async with asyncio.timeout(settings.REDIS_TIMEOUT_SECONDS):
                await self._layer.flush()
        except (RedisError, OSError) as error:
            self._outage.failed(error)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # the layer takes the cancelling of its caller for that of its reader
        await self.settle()

    async def _redis_run_id(self) -> str | None:
        """Which Redis answers; None if none does. Another than before has lost what was published meanwhile."""
        try:
            async with asyncio.timeout(settings.FEED_PROBE_SECONDS):
                info = await async_redis().info("server")
        except (RedisError, OSError):
            return None
        return str(info["run_id"])
