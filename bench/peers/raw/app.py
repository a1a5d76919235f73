"""An ASGI application that writes each ready-made frame from Redis to all sockets of a chat.

It answers `connection_init` and `subscribe` of graphql-transport-ws with constants, so that the same clients can
connect. The Redis channel `raw.<chat>` carries the complete frame; the application parses, checks and stores nothing.
"""

import asyncio
import os
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_CHAT = re.compile(r'"chatId":"([^"]*)"')
_READY = '{"id":"1","type":"next","payload":{"data":{"chatFeed":{"__typename":"FeedReady","seq":0}}}}'

_sockets: defaultdict[str, set[Send]] = defaultdict(set)
_relays: set[asyncio.Task[None]] = set()


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Serve one websocket connection, or the lifespan of the process."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "websocket":
        await _socket(receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _socket(receive: Receive, send: Send) -> None:
    if not _relays:
        _relays.add(asyncio.get_running_loop().create_task(_relay()))
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
    chat = ""
    while (message := await receive())["type"] != "websocket.disconnect":
        text = message["text"]
        if "connection_init" in text:
            await send({"type": "websocket.send", "text": '{"type":"connection_ack"}'})
        elif found := _CHAT.search(text):
            chat = found[1]
            _sockets[chat].add(send)
            await send({"type": "websocket.send", "text": _READY})
    _sockets[chat].discard(send)


async def _relay() -> None:
    async with Redis.from_url(os.environ["REDIS_URL"]).pubsub() as pubsub:
        await pubsub.psubscribe("raw.*")
        async for message in pubsub.listen():
            if message["type"] == "pmessage":
                frame: Message = {"type": "websocket.send", "text": message["data"].decode()}
                for send in tuple(_sockets[message["channel"][4:].decode()]):
                    await send(frame)
