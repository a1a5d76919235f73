"""Reading the log back."""

import pytest
from pytest_django import DjangoAssertNumQueries

from chats.log.read import last_seqs, read_events, read_gap
from chats.services import add_members, edit_message
from tests.factories import make_group, make_users, say

pytestmark = pytest.mark.django_db


def test_a_page_of_the_log_begins_after_the_seq() -> None:
    ann, bob = make_users(2)
    chat, other = make_group(ann, bob), make_group(ann)
    for _ in range(4):
        say(ann, chat)
        say(ann, other)
    assert [event.seq for event in read_events(chat.pk, after_seq=0, limit=3)] == [1, 2, 3]
    assert [event.seq for event in read_events(chat.pk, after_seq=4, limit=9)] == [5, 6]
    assert {event.chat_id for event in read_events(chat.pk, after_seq=0, limit=9)} == {chat.pk}
    assert read_events(chat.pk, after_seq=6, limit=9) == []
    assert read_events(other.pk + 1000, after_seq=0, limit=9) == []


def test_a_gap_includes_both_ends() -> None:
    ann, bob = make_users(2)
    chat = make_group(ann, bob)
    for _ in range(4):
        say(ann, chat)
    assert [event.seq for event in read_gap(chat.pk, 2, 4)] == [2, 3, 4]
    assert read_gap(chat.pk, 1, 6) == read_events(chat.pk, after_seq=0, limit=6)
    assert read_gap(chat.pk, 7, 9) == []


def test_how_far_chats_have_got(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ann, bob = make_users(2)
    chat, other = make_group(ann, bob), make_group(ann)
    say(ann, chat)
    with django_assert_num_queries(1):
        assert last_seqs([chat.pk, other.pk, other.pk + 1000]) == {chat.pk: 3, other.pk: 1}


@pytest.mark.parametrize("count", [1, 12])
def test_a_replay_costs_the_same_queries_whatever_its_length(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ann, *others = make_users(count + 1)
    chat = make_group(ann)
    messages = [say(ann, chat) for _ in range(count)]
    edit_message(ann.pk, messages[0].pk, "Good day")
    add_members(ann.pk, chat.pk, [other.pk for other in others])
    for other in others:
        say(other, chat)
    with django_assert_num_queries(3):  # the log with its messages, the members, the people
        assert len(read_events(chat.pk, after_seq=0, limit=1000)) == 3 * count + 2
    with django_assert_num_queries(2):  # no event about members
        assert len(read_gap(chat.pk, 2, 2 + count)) == count + 1
