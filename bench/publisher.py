"""Putting events into Redis for a subject, cheaply enough to leave the core to the clients."""

import asyncio
from collections.abc import Awaitable, Callable

from channels_redis.core import RedisChannelLayer

from bench.bodies import body_of, stock_message
from bench.peers.stock.groups import group_of
from bench.population import Chat
from bench.subjects import Kind
from bench.world import World

Publish = Callable[[Chat, int], Awaitable[None]]


class RedisPublisher:
    """Sends PUBLISH over one connection without waiting for the answers, which Redis is told to leave out."""

    def __init__(self, writer: asyncio.StreamWriter, kind: Kind) -> None:
        self._writer = writer
        self._body = body_of(kind)

    @classmethod
    async def connect(cls, world: World, kind: Kind) -> "RedisPublisher":
        """Open the connection."""
        _, writer = await asyncio.open_unix_connection(world.redis_path)
        writer.write(_command(b"CLIENT", b"REPLY", b"OFF"))
        return cls(writer, kind)

    async def publish(self, chat: Chat, index: int) -> None:
        """Publish event `index` of a chat, marked with this moment."""
        channel, body = self._body(chat, index)
        self._writer.write(_command(b"PUBLISH", channel.encode(), body))
        await self._writer.drain()

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


class LayerPublisher:
    """Sends through the stock channel layer, which alone knows how its groups are kept."""

    def __init__(self, world: World) -> None:
        self._layer = RedisChannelLayer(hosts=[world.redis_url])

    async def publish(self, chat: Chat, index: int) -> None:
        """As RedisPublisher."""
        await self._layer.group_send(group_of(chat.global_id), stock_message(chat, index))

    def close(self) -> None:
        """Nothing is held: the layer's pool ends with the loop."""


async def open_publisher(world: World, kind: Kind) -> RedisPublisher | LayerPublisher:
    """The publisher for subjects of this kind."""
    return LayerPublisher(world) if kind == "stock" else await RedisPublisher.connect(world, kind)


def _command(*parts: bytes) -> bytes:
    framed = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%s" % (len(parts), framed)
