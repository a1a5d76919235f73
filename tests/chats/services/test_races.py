"""Concurrent calls from several connections. The database orders them; no test waits for a clock."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest
from django.conf import LazySettings
from django.db import connection, connections, transaction

from chats.errors import ChatError
from chats.log.read import read_range
from chats.models import Chat, Event, MemberRole, Membership, Message
from chats.services import (
    add_members,
    create_group_chat,
    leave_chat,
    remove_member,
    send_message,
    start_direct_chat,
)
from foundation.errors import ErrorCode
from tests.chats.convergence import AssertConverges, Published
from tests.factories import make_direct, make_group, make_users, say

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")
# Starts a call and returns the future of its result.
BeginAndBlock = Callable[[Callable[[], Message]], Future[Message]]
TIMEOUT_SECONDS = 30


def at_once(calls: Iterable[Callable[[], T]]) -> list[T | ChatError]:
    """The results or refusals of calls that start together, each on a thread and connection of its own."""
    calls = list(calls)
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | ChatError:
        barrier.wait(TIMEOUT_SECONDS)
        try:
            return call()
        except ChatError as refusal:
            return refusal

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(
            threads.map(lambda call: closing_connections(partial(run, call)), calls, timeout=TIMEOUT_SECONDS)
        )


@pytest.fixture
def begin_and_block() -> Iterator[BeginAndBlock]:
    """Starts a call on another connection, and returns once it waits for a lock that this one holds."""
    with ThreadPoolExecutor(1) as threads:

        def begin(call: Callable[[], Message]) -> Future[Message]:
            future = threads.submit(closing_connections, call)
            wait_until_blocked()
            return future

        yield begin


def closing_connections(call: Callable[[], T]) -> T:
    """Make the call on this thread's own connection; waiting too long for a lock raises instead of hanging."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{TIMEOUT_SECONDS - 10}s'")
        return call()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
        connections.close_all()


def wait_until_blocked() -> None:
    """Wait until PostgreSQL reports that one connection waits for a lock that this one holds."""
    for _ in range(10_000):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone() == (1,):
                return
    raise AssertionError("no connection waits for the lock")


def talk(user_id: int, chat_id: int, *, lines: int) -> list[Message]:
    return [send_message(user_id, chat_id, f"Line {number}") for number in range(lines)]


def test_concurrent_starts_of_a_direct_chat_get_the_same_chat(
    published: Published, assert_feed_converges: AssertConverges
) -> None:
    ann, bob = make_users(2)
    pairs = [(ann.pk, bob.pk), (bob.pk, ann.pk)] * 4
    chats = at_once(partial(start_direct_chat, *pair) for pair in pairs)
    assert len(set(chats)) == 1
    assert Chat.objects.count() == 1
    assert Membership.objects.count() == 2
    assert len(published) == 2
    assert_feed_converges()


def test_a_group_is_created_once_per_client_id(published: Published) -> None:
    ann, bob = make_users(2)
    chats = at_once([lambda: create_group_chat(ann.pk, "Tea", [bob.pk], client_id="one")] * 8)
    assert len(set(chats)) == 1
    assert Chat.objects.count() == 1
    assert len(published) == 2


def test_one_client_id_from_many_connections_is_one_message(
    published: Published, assert_feed_converges: AssertConverges
) -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    for number in range(5):
        client_id = f"number {number}"
        messages = at_once([partial(send_message, ann.pk, chat.pk, "Hello", client_id)] * 8)
        assert len(set(messages)) == 1
    assert Message.objects.count() == 5
    assert Chat.objects.get(pk=chat.pk).last_seq == 7
    assert_feed_converges()


def test_one_client_id_with_two_contents_is_one_message_and_one_conflict() -> None:
    ann, bob = make_users(2)
    chats = [make_direct(ann, bob), make_group(ann, bob)]
    results = at_once(partial(send_message, ann.pk, chat.pk, "Hello", "one") for chat in chats)
    (refusal,) = (result for result in results if isinstance(result, ChatError))
    assert refusal.code is ErrorCode.CONFLICT
    assert Message.objects.count() == 1
    assert sorted(Chat.objects.values_list("last_seq", flat=True)) == [2, 3]


def test_many_senders_leave_no_hole(published: Published) -> None:
    people = make_users(6)
    chat = make_group(*people)
    results = at_once(partial(talk, person.pk, chat.pk, lines=15) for person in people)
    assert not any(isinstance(result, ChatError) for result in results)
    events = read_range(chat.pk, 1, 1000)
    assert [event.seq for event in events] == list(range(1, 6 + 90 + 1))
    times = [event.at for event in events]
    assert times == sorted(times)
    assert sorted(published, key=lambda event: event.seq) == events


def test_chats_do_not_wait_for_each_other() -> None:
    ann, bob, cy = make_users(3)
    busy, free = make_direct(ann, bob), make_direct(ann, cy)
    with transaction.atomic():
        Chat.objects.select_for_update().get(pk=busy.pk)
        (message,) = at_once([lambda: send_message(ann.pk, free.pk, "Hello")])
    assert isinstance(message, Message)


def test_a_non_member_does_not_wait_for_a_chat_and_cannot_lock_it() -> None:
    ann, bob, eve = make_users(3)
    chat = make_direct(ann, bob)
    with transaction.atomic():
        Chat.objects.select_for_update().get(pk=chat.pk)
        (refusal,) = at_once([lambda: send_message(eve.pk, chat.pk, "Hello")])
    assert isinstance(refusal, ChatError)


def test_a_member_who_is_removed_while_sending_sends_nothing(begin_and_block: BeginAndBlock) -> None:
    ann, bob = make_users(2)
    chat = make_group(ann, bob)
    with transaction.atomic():
        remove_member(ann.pk, chat.pk, bob.pk)
        sending = begin_and_block(lambda: send_message(bob.pk, chat.pk, "Too late"))
    with pytest.raises(ChatError) as refusal:
        sending.result(TIMEOUT_SECONDS)
    assert refusal.value.code is ErrorCode.NOT_FOUND
    assert not Message.objects.exists()
    assert Chat.objects.get(pk=chat.pk).last_seq == 3


def test_a_retry_that_waits_for_the_first_attempt_returns_its_message(begin_and_block: BeginAndBlock) -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    with transaction.atomic():
        first = send_message(ann.pk, chat.pk, "Hello", "one")
        sending = begin_and_block(lambda: send_message(ann.pk, chat.pk, "Hello", "one"))
    assert sending.result(TIMEOUT_SECONDS) == first
    assert Chat.objects.get(pk=chat.pk).last_seq == first.seq == 3


def test_a_retry_posts_if_the_first_attempt_is_rolled_back(begin_and_block: BeginAndBlock) -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    with transaction.atomic():
        send_message(ann.pk, chat.pk, "Hello", "one")
        sending = begin_and_block(lambda: send_message(ann.pk, chat.pk, "Hello", "one"))
        transaction.set_rollback(True)
    assert sending.result(TIMEOUT_SECONDS).seq == 3
    assert Message.objects.count() == 1


def test_everybody_may_leave_at_once() -> None:
    people = make_users(6)
    chat = make_group(*people)
    results = at_once(partial(leave_chat, person.pk, chat.pk) for person in people)
    assert results == [None] * 6
    assert not Membership.objects.exists()
    assert list(chat.events.order_by("seq").values_list("seq", flat=True)) == list(
        range(1, Chat.objects.get(pk=chat.pk).last_seq + 1)
    )


def test_the_bound_of_a_group_holds_when_many_add(settings: LazySettings) -> None:
    ann, *others = make_users(9)
    chat = make_group(ann)
    settings.MAX_GROUP_MEMBERS = 4
    at_once(partial(add_members, ann.pk, chat.pk, [other.pk]) for other in others)
    assert Membership.objects.count() == 4
    assert Chat.objects.get(pk=chat.pk).last_seq == 4


def test_all_kinds_of_writes_at_once_cause_no_deadlock(published: Published) -> None:
    ann, bob, cy, dee = make_users(4)
    chat = make_group(ann, bob, cy)
    Membership.objects.filter(user=bob).update(role=MemberRole.ADMIN)
    messages = [say(person, chat, client_id="one") for person in (ann, bob, cy)]

    calls: list[Callable[[], object]] = [
        partial(talk, ann.pk, chat.pk, lines=10),
        partial(talk, bob.pk, chat.pk, lines=10),
        partial(talk, cy.pk, chat.pk, lines=10),
        lambda: [add_members(ann.pk, chat.pk, [dee.pk]), remove_member(bob.pk, chat.pk, dee.pk)],
        lambda: [remove_member(ann.pk, chat.pk, cy.pk), add_members(bob.pk, chat.pk, [cy.pk])],
        lambda: [send_message(person.pk, chat.pk, "Hello", "one") for person in (ann, bob)],
    ]
    at_once(calls)
    assert Message.objects.filter(client_id="one").count() == len(messages)
    seqs = list(Event.objects.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, Chat.objects.get(pk=chat.pk).last_seq + 1))
    assert sorted(event.seq for event in published) == seqs
