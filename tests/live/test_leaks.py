"""A thousand clients that vanish without a close frame leave nothing behind, under Daphne and under uvicorn."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import psycopg
import pytest
import redis.asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.socket.client_socket import ClientSocket
from schema.live.delivery.attachment import Attachment
from schema.live.delivery.live_chat import LiveChat
from schema.live.delivery.socket_feed import SocketFeed
from tests.client import eventually
from tests.live.census import PATH
from tests.live.conftest import assert_answers, check_log
from tests.live.people import FEED, Person, register
from tests.server import Server, serving

SOCKETS, BATCH, PEOPLE = 1000, 250, 10
CONNECTION_FEED = "subscription { connectionFeed { __typename } }"
SLOW_QUERY = (
    "{ chats { edges { node { lastMessage { text } members { edges { node { user { username } } } } } } } }"
)
GONE_SECONDS = 30


@pytest.fixture(params=["daphne", "uvicorn"])
def counted(
    request: pytest.FixtureRequest, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with the census and short caches."""
    log = tmp_path_factory.mktemp("counted") / "log"
    patience = {
        "FEED_LINGER_SECONDS": "0.1",
        "FEED_RING_LINGER_SECONDS": "0.1",
        "SOCKET_LEASE_SECONDS": "3",
        "SOCKETS_PER_USER": str(SOCKETS),
    }
    with serving(request.param, "tests.live.census:application", log, **environment, **patience) as server:
        assert_answers(server)
        yield server
    check_log(log)


@pytest.fixture
async def redis_of_servers(environment: dict[str, str]) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(environment["REDIS_URL"]) as client:
        yield client


async def census(server: Server) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=30) as client:
        counts: dict[str, Any] = (await client.get(f"http://{server.address}{PATH}")).json()
    return counts


async def open_socket(server: Server) -> ClientConnection:
    return await connect(
        server.socket, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None, open_timeout=30
    )


def subscribe(operation_id: str, query: str, **variables: object) -> str:
    return json.dumps(
        {"id": operation_id, "type": "subscribe", "payload": {"query": query, "variables": variables}}
    )


async def live(server: Server, person: Person, chat_id: str, number: int) -> ClientConnection:
    """Open a socket with live feeds; some sockets stop after the handshake or after connection_init."""
    socket = await open_socket(server)
    if number % 20 == 0:
        return socket
    payload = {"Authorization": f"Bearer {person.token}"}
    await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    if number % 20 == 1:
        return socket
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    await socket.send(subscribe("1", FEED, chatId=chat_id))
    await socket.send(subscribe("2", CONNECTION_FEED))
    ready: set[str | None] = set()
    while len(ready) < 2:
        frame = json.loads(await socket.recv())
        assert frame["type"] in ("next", "ping"), frame
        ready.add(frame.get("id"))
    if number % 20 == 2:
        await socket.send(subscribe("3", SLOW_QUERY))
    return socket


async def vanish(server: Server, people: list[tuple[Person, str]], count: int) -> None:
    """Open so many sockets, send to their chats, and drop all the connections in one turn of the loop."""
    sockets = await asyncio.gather(
        *(live(server, *people[number % len(people)], number) for number in range(count))
    )
    for person, chat_id in people:
        await person.say(server, chat_id, "to all")
    peak = (await census(server))["objects"]
    assert peak[ClientSocket.__name__] >= count
    assert min(peak[Attachment.__name__], peak[SocketFeed.__name__]) >= count * 0.85
    assert peak[LiveChat.__name__] == len(people)
    for socket in sockets:
        socket.transport.abort()
    for socket in sockets:
        with contextlib.suppress(OSError):
            await socket.wait_closed()


def more(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return what there is more of than before."""
    found: dict[str, Any] = {
        name: count for name, count in after.items() if name != "tasks" and count != before[name]
    }
    tasks = Counter(after["tasks"]) - Counter(before["tasks"])
    return {**found, **({"tasks": dict(tasks)} if tasks else {})}


async def test_a_thousand_dropped_connections_leave_nothing(
    counted: Server, environment: dict[str, str], redis_of_servers: redis.asyncio.Redis
) -> None:
    people = [(person, await person.create_group(counted)) for person in await _people(counted)]
    await vanish(counted, people, 20)  # lazily made singletons exist now
    before = await _at_rest(counted)
    assert before["sockets"] == before["live chats"] == before["followed chats"] == 0
    assert set(before["objects"].values()) == {0}
    groups, keys = await _in_redis(redis_of_servers)
    for _ in range(SOCKETS // BATCH):
        await vanish(counted, people, BATCH)
    left: dict[str, Any] = {}

    async def nothing_is_left() -> bool:
        nonlocal left
        left = more(await census(counted), before)
        return not left

    try:
        await eventually(nothing_is_left, GONE_SECONDS)
    except TimeoutError:
        pytest.fail(f"these are left: {left}")
    groups_after, keys_after = await _in_redis(redis_of_servers)
    assert groups_after <= groups
    assert keys_after <= keys
    assert _connections_in_a_transaction(environment) == 0
    person, chat_id = people[0]
    assert (await person.say(counted, chat_id, "and it still works"))["seq"]


async def _people(server: Server) -> list[Person]:
    return [await register(server) for _ in range(PEOPLE)]


async def _at_rest(server: Server) -> dict[str, Any]:
    counts: dict[str, Any] = {}

    async def at_rest() -> bool:
        nonlocal counts
        counts = await census(server)
        return not counts["sockets"] and not counts["live chats"] and not any(counts["objects"].values())

    await eventually(at_rest, GONE_SECONDS)
    return counts


async def _in_redis(client: redis.asyncio.Redis) -> tuple[set[object], set[object]]:
    """Return the channel layer's groups with members, and the keys of the socket leases."""
    groups: set[object] = set(await client.pubsub_channels())
    return groups, {key async for key in client.scan_iter("parlor:sockets:*")}


def _connections_in_a_transaction(environment: dict[str, str]) -> int:
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
        ).fetchone()
    assert row is not None
    return int(row[0])
