"""All clients reconnect at once; afterwards idle feeds hold no database connection."""

import asyncio

import psycopg

from tests.live.people import FEED, register
from tests.server import Server

CHATS, PEOPLE, SOCKETS_EACH, FEEDS_EACH = 5, 10, 9, 7
POOL_SIZE = 16  # DATABASE_POOL_SIZE


async def test_all_sockets_resume_at_once_and_then_hold_no_connection(
    server: Server, environment: dict[str, str]
) -> None:
    people = [await register(server) for _ in range(PEOPLE)]
    chat_ids = [await people[0].create_group(server, *people[1:]) for _ in range(CHATS)]
    for chat_id in chat_ids:
        for number in range(3):
            await people[0].say(server, chat_id, f"{number}")

    clients = await asyncio.gather(
        *(person.connect(server) for person in people for _ in range(SOCKETS_EACH))
    )
    feeds = [
        await client.subscribe(FEED, {"chatId": chat_ids[number % CHATS], "since": PEOPLE})
        for client in clients
        for number in range(FEEDS_EACH)
    ]
    for feed in feeds:
        seqs = [(await feed.data(30))["chatFeed"]["seq"] for _ in range(4)]
        assert seqs == [PEOPLE, PEOPLE + 1, PEOPLE + 2, PEOPLE + 3]
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        states = connection.execute(
            "SELECT state, count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend' GROUP BY state"
        ).fetchall()
    # These are the pools of the three servers: whatever the feeds, no connection is mid-transaction.
    assert {state for state, _ in states} <= {"idle"}, states
    assert sum(count for _, count in states) <= 3 * POOL_SIZE
    await asyncio.gather(*(client.close() for client in clients))
