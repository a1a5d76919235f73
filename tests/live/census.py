"""Parlor's application with one more path, which counts what closed sockets may have left behind in the process."""

import asyncio
import gc
import json
from collections import Counter
from typing import Any

from django.db import connections

from api.asgi import application as parlor
from api.process.composition import local_sockets
from api.socket.client_operation import ClientOperation
from api.socket.client_socket import ClientSocket
from chats.feeds.chat_feed import ChatFeed
from chats.feeds.hub import get_hub
from schema.live.delivery.attachment import Attachment
from schema.live.delivery.live_chat import LiveChat
from schema.live.delivery.live_chats import live_chats
from schema.live.delivery.socket_feed import SocketFeed
from schema.live.delivery.stream import Stream

PATH = "/census"
COUNTED = (ClientSocket, ClientOperation, Attachment, SocketFeed, Stream, LiveChat, ChatFeed)


def census() -> dict[str, Any]:
    """Count the objects, tasks, feeds and database connections of this process."""
    gc.collect()
    objects = Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, COUNTED))
    tasks = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())
    hub, live = get_hub(), live_chats()
    pool = connections["default"].pool  # type: ignore[attr-defined]  # of Django's PostgreSQL
    stats = pool.get_stats() if pool else {}
    return {
        "objects": {one.__name__: objects[one.__name__] for one in COUNTED},
        "tasks": tasks,
        "sockets": len(local_sockets()._by_id),
        "followed people": len(hub._user_feeds._users_of_group) + len(hub._user_feeds._control),
        "followed chats": len(hub._chats),
        "live chats": len(live.open_chats) + len(live._opening) + len(live._closing),
        "connections in use": stats.get("pool_size", 0) - stats.get("pool_available", 0),
        "requests that wait for a connection": stats.get("requests_waiting", 0),
    }


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer PATH with the census; everything else is Parlor's."""
    if scope.get("path") != PATH:
        await parlor(scope, receive, send)
        return
    body = json.dumps(census()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
