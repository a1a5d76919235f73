"""What sending costs, and what it waits for, by the way that a mutation takes: threads, the pool, the database."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.conf import settings
from django.db import transaction

from auth.models import User
from chats.models import Chat
from foundation.database import in_thread
from tests.factories import make_direct, make_group, make_users
from tests.schema.executing import data_of, ids
from tests.sql_statements import counted_queries

pytestmark = [pytest.mark.django_db(transaction=True)]

SEND = """mutation ($chat: ID!, $text: String!, $clientId: String) {
  sendMessage(input: {chatId: $chat, text: $text, clientId: $clientId}) {
    id seq text clientId createdAt sender { id username displayName }
  }
}"""
TIMEOUT_SECONDS = 20


async def a_chat(make: Callable[..., Chat] = make_direct) -> tuple[User, Chat]:
    def build() -> tuple[User, Chat]:
        ann, bob = make_users(2)
        return ann, make(ann, bob)

    return await in_thread(build)


async def send(viewer: User, chat: Chat, text: str = "Hello", **more: object) -> int:
    """Its seq."""
    data = await data_of(viewer, SEND, chat=ids(chat)[0], text=text, **more)
    return int(data["sendMessage"]["seq"])


@contextmanager
def counted_round_trips() -> Iterator[list[tuple[str, str]]]:
    """Everything that is asked of PostgreSQL on any thread, also by the pool: the statement and the thread's name."""
    asked: list[tuple[str, str]] = []
    stock = psycopg.Cursor.execute

    def execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        asked.append((str(query), threading.current_thread().name))
        return stock(self, query, *arguments, **options)

    with mock.patch.object(psycopg.Cursor, "execute", execute):
        yield asked


@pytest.mark.parametrize("client_id", [None, "one"])
async def test_one_round_trip_for_seq_message_and_event(client_id: str | None) -> None:
    """And none for the pool's look whether the connection is alive."""
    ann, chat = await a_chat()
    # So that the threads have their connections.
    await asyncio.gather(*(send(ann, chat) for _ in range(4 * settings.DATABASE_THREADS)))
    with counted_queries() as statements, counted_round_trips() as asked:
        seq = await send(ann, chat, clientId=client_id)
    assert seq == 3 + 4 * settings.DATABASE_THREADS
    assert len(statements) == 1, statements
    assert [query.strip()[:4] for query, _thread in asked] == ["WITH"]


@contextmanager
def locked(chat: Chat) -> Iterator[None]:
    """The chat's row is locked by somebody else for as long."""
    begun, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        from django.db import connection

        try:
            with transaction.atomic():
                Chat.objects.select_for_update().get(pk=chat.pk)
                begun.set()
                may_end.wait(TIMEOUT_SECONDS)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert begun.wait(TIMEOUT_SECONDS)
        yield
    finally:
        may_end.set()
        thread.join()


async def test_sends_to_other_chats_do_not_wait_for_one_that_is_locked() -> None:
    (ann, busy), (_bob, _), (cy, free) = [await a_chat() for _ in range(3)]
    with locked(busy):
        waiting = [asyncio.create_task(send(ann, busy)) for _ in range(2 * settings.DATABASE_THREADS)]
        async with asyncio.timeout(TIMEOUT_SECONDS):
            for number in range(10):
                assert await send(cy, free) == 3 + number
        assert not any(task.done() for task in waiting)
    seqs = await asyncio.gather(*waiting)
    assert sorted(seqs) == list(range(3, 3 + len(waiting)))


async def test_sends_run_side_by_side_on_several_threads() -> None:
    """asgiref's `thread_sensitive` would have them all on one thread."""
    chats = [await a_chat(make_group) for _ in range(3)]
    waiting: list[asyncio.Task[int]] = []
    with locked(chats[0][1]), locked(chats[1][1]), counted_round_trips() as asked:
        waiting += [asyncio.create_task(send(*chat)) for chat in chats[:2]]
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(asked) < 2:  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.01)
            # Two threads wait for the locks. Sent before them, this one could share its thread with one of them.
            assert await send(*chats[2]) == 3
        assert len({thread for query, thread in asked if query}) == 3
        assert not any(task.done() for task in waiting)
    assert await asyncio.gather(*waiting) == [3, 3]


async def test_the_loop_goes_on_while_sends_wait() -> None:
    ann, busy = await a_chat()
    with locked(busy):
        waiting = [asyncio.create_task(send(ann, busy)) for _ in range(2 * settings.DATABASE_THREADS)]
        turns = 0
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while turns < 100:
                await asyncio.sleep(0)
                turns += 1
    assert sorted(await asyncio.gather(*waiting)) == list(range(3, 3 + len(waiting)))
