"""Reads of the log: ranges, and how many queries they cost."""

import pytest
from pytest_django import DjangoAssertNumQueries

from chats.log.read import last_seqs, read_range
from chats.services import add_members, edit_message
from tests.factories import make_group, make_users, say

pytestmark = pytest.mark.django_db


def test_a_range_includes_both_ends_and_no_other_chat() -> None:
    ann, bob = make_users(2)
    chat, other = make_group(ann, bob), make_group(ann)
    for _ in range(4):
        say(ann, chat)
        say(ann, other)
    events = read_range(chat.pk, 1, 9)
    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert {event.chat_id for event in events} == {chat.pk}
    assert read_range(chat.pk, 1, 3) == events[:3]
    assert read_range(chat.pk, 2, 4) == events[1:4]
    assert read_range(chat.pk, 5, 13) == events[4:]
    assert read_range(chat.pk, 7, 15) == []
    assert read_range(other.pk + 1000, 1, 9) == []


def test_last_seqs_of_many_chats_are_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
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
        assert len(read_range(chat.pk, 1, 1000)) == 3 * count + 2
    with django_assert_num_queries(2):  # no event about members
        assert len(read_range(chat.pk, 2, 2 + count)) == count + 1
