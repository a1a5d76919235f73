"""The channel layer: that of channels_redis, plus publishing many messages in one round trip and reconnecting.

See `_ShardConnection` for where the stock layer stays disconnected.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer, RedisSingleShardConnection
from channels_redis.utils import _wrap_close, decode_hosts
from django.conf import settings
from redis.exceptions import RedisError

from foundation.outage_log import OutageLog
from foundation.task_cancellation import cancel_and_wait

logger = logging.getLogger(__name__)

# How long the reader waits for a message before it checks whether there is a subscription at all.
READ_SECONDS = 0.1


class PubSubLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # channels_redis has no types
    """Adds `group_send_many`. The stock `group_send` sends one message at a time, and waits for Redis under a lock that
    subscribing needs too: with many senders that wait was nearly all of the time from send to receipt (`bench sends`).
    """

    async def group_send_many(self, messages: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        """Send each message to its group, in order, as `group_send` does, in one round trip. Raises RedisError."""
        layer = self._get_layer()
        by_shard: dict[Any, list[tuple[str, bytes]]] = {}
        for group, message in messages:
            name = layer._get_group_channel_name(group)
            by_shard.setdefault(layer._get_shard(name), []).append((name, self.serialize(message)))
        for shard, publications in by_shard.items():
            await shard.publish_many(publications)

    def _get_layer(self) -> "_PubSubLoopLayer":
        loop = asyncio.get_running_loop()
        layer: _PubSubLoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = self._layers[loop] = _PubSubLoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        return layer


class _PubSubLoopLayer(RedisPubSubLoopLayer):  # type: ignore[misc]
    """The layer of one event loop."""

    def __init__(self, hosts: Any = None, **options: Any) -> None:
        super().__init__(hosts, **options)
        self._shards = [_ShardConnection(host, self) for host in decode_hosts(hosts)]

    async def _subscribe_to_channel(self, channel: str) -> None:
        try:
            await super()._subscribe_to_channel(channel)
        except BaseException:
            self.channels.pop(channel, None)  # its name is lost to the caller, so it would stay here for ever
            raise


class _ShardConnection(RedisSingleShardConnection):  # type: ignore[misc]
    """The connections to one Redis, with a reader that survives every fault.

    The stock reader sleeps a second after each fault and ends for good at a timeout. The stock `flush` then fails each
    time, and swallows a cancellation of its caller, which it mistakes for that of the reader.
    """

    _redis: Any
    _pubsub: Any
    _receive_task: Any
    _subscribed_to: set[str]

    def __init__(self, host: Any, channel_layer: _PubSubLoopLayer) -> None:
        super().__init__(host, channel_layer)
        self._publishing = asyncio.Lock()
        self._outage = OutageLog(
            logger,
            "The subscription to Redis broke off: feeds poll the log instead.",
            "the subscription to Redis works again.",
        )

    async def publish_many(self, publications: Iterable[tuple[str, bytes]]) -> None:
        """Publish to these names in one round trip, in order. Raises RedisError."""
        async with self._publishing:  # so that a flush closes no connection that is sending
            async with self._lock:
                self._ensure_redis()
                redis = self._redis
            async with redis.pipeline(transaction=False) as pipeline:
                for name, body in publications:
                    pipeline.publish(name, body)
                await pipeline.execute()

    async def flush(self) -> None:
        """Disconnect and forget all subscriptions, also when the caller is cancelled meanwhile."""
        async with self._publishing, self._lock:
            reader, redis = self._receive_task, self._redis
            self._receive_task = self._redis = self._pubsub = None
            self._subscribed_to = set()
            try:
                if reader is not None:
                    await cancel_and_wait(reader)
            finally:
                if redis is not None:
                    await redis.aclose(close_connection_pool=True)

    def _ensure_receiver(self) -> None:
        if self._receive_task is None or self._receive_task.done():
            self._receive_task = asyncio.get_running_loop().create_task(
                self._do_receiving(), name="layer receive"
            )

    async def _do_receiving(self) -> None:
        pause = 0.0  # none after the first fault: redis-py has reconnected by then, or cannot
        while True:
            try:
                await self._receive_one()
            except (RedisError, OSError) as error:
                self._outage.failed(error)
            except Exception:
                logger.exception("The subscription to Redis could not be read")
            else:
                self._outage.succeeded()
                pause = 0.0
                continue
            await asyncio.sleep(pause)
            pause = settings.FEED_RETRY_SECONDS

    async def _receive_one(self) -> None:
        if self._pubsub is None or not self._pubsub.subscribed:
            await asyncio.sleep(READ_SECONDS)
            return
        message = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=READ_SECONDS)
        self._receive_message(message)
