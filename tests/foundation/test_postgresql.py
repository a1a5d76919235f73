"""The pool: working connections cost no statement, and no caller gets a lost one."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections

from foundation.database import in_thread
from foundation.postgresql.base import DatabaseWrapper, is_alive

pytestmark = pytest.mark.django_db(transaction=True)


def backend_id() -> int:
    """The id of the server process of this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.fixture
def pooled() -> Iterator[psycopg.Connection]:
    database = connections["default"]
    assert isinstance(database, DatabaseWrapper)
    database.ensure_connection()
    with database.pool.connection() as one:
        yield one


def end(one: psycopg.Connection) -> None:
    """End the connection, as a restarting server does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [one.info.backend_pid])


def test_a_working_connection_costs_no_statement(
    pooled: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(*_: object, **__: object) -> None:
        raise AssertionError("a statement")

    monkeypatch.setattr(psycopg.Cursor, "execute", execute)
    assert is_alive(pooled)


def test_an_ended_connection_is_not_alive(pooled: psycopg.Connection) -> None:
    end(pooled)
    assert not is_alive(pooled)


def test_a_connection_with_something_to_read_is_checked_and_stays(pooled: psycopg.Connection) -> None:
    pooled.execute("LISTEN topic")
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY topic")
    assert is_alive(pooled)
    assert pooled.execute("SELECT 1").fetchone() == (1,)


def end_others() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_work_goes_on_after_all_connections_were_ended() -> None:
    async def work() -> None:
        await asyncio.gather(*(in_thread(backend_id) for _ in range(4 * settings.DATABASE_THREADS)))
        await in_thread(end_others)
        for _ in range(2 * settings.DATABASE_THREADS):
            await in_thread(backend_id)

    connection.close()  # this thread's connection returns to the pool, and is ended with the others
    asyncio.run(work())
