"""Publishes events into Redis in a program's format, with little processor time."""

import asyncio
from collections.abc import Awaitable, Callable

from channels_redis.core import RedisChannelLayer

from bench.event_payloads import payload_maker, stock_message
from bench.peers.stock.groups import group_of
from bench.population import Chat
from bench.programs import Kind
from bench.world import World

Publish = Callable[[Chat, int], Awaitable[None]]


class RedisPublisher:
    """Sends PUBLISH over one connection and has Redis omit the replies (CLIENT REPLY OFF)."""

    def __init__(self, writer: asyncio.StreamWriter, kind: Kind) -> None:
        self._writer = writer
        self._make_payload = payload_maker(kind)

    @classmethod
    async def connect(cls, world: World, kind: Kind) -> "RedisPublisher":
        """Connect to the benchmark's Redis."""
        _, writer = await asyncio.open_unix_connection(world.redis_path)
        writer.write(_command(b"CLIENT", b"REPLY", b"OFF"))
        return cls(writer, kind)

    async def publish(self, chat: Chat, index: int) -> None:
        """Publish event `index` of a chat, with the current time in its text."""
        channel, payload = self._make_payload(chat, index)
        self._writer.write(_command(b"PUBLISH", channel.encode(), payload))
        await self._writer.drain()

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


class LayerPublisher:
    """Publishes through the stock channel layer, whose storage of groups is private to it."""

    def __init__(self, world: World) -> None:
        self._layer = RedisChannelLayer(hosts=[world.redis_url])

    async def publish(self, chat: Chat, index: int) -> None:
        """Publish event `index` of a chat, with the current time in its text."""
        await self._layer.group_send(group_of(chat.global_id), stock_message(chat, index))

    def close(self) -> None:
        """Do nothing: the layer's connections end with the event loop."""


async def open_publisher(world: World, kind: Kind) -> RedisPublisher | LayerPublisher:
    """Open the publisher for programs of this kind."""
    return LayerPublisher(world) if kind == "stock" else await RedisPublisher.connect(world, kind)


def _command(*parts: bytes) -> bytes:
    framed = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%s" % (len(parts), framed)
