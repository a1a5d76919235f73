"""Reads for the schema: what a viewer sees, and one query however many rows."""

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from auth.models import User
from chats import reads
from chats.errors import ChatError
from chats.keyset_pagination import PageKey, Window, read_member_pages, read_message_pages
from chats.models import Chat, Membership, Message
from chats.services import add_members, delete_message, remove_member
from foundation.errors import ErrorCode
from tests.factories import make_direct, make_group, make_user, make_users, say

pytestmark = pytest.mark.django_db


def readable(chat: Chat, viewer: User) -> list[Message]:
    """The messages of a short chat that the viewer may read."""
    key = PageKey(chat.pk, Window(size=10))
    pages = read_message_pages(viewer.pk, [key])
    return list(pages[key].rows) if pages else []


def titles(viewer: User, **arguments: object) -> list[str | None]:
    return [chat.title for chat in reads.chats_of(viewer.pk, **arguments)]  # type: ignore[arg-type]


def test_chats_are_ordered_by_last_activity() -> None:
    ann, bob = make_users(2)
    tea, ale, rum = (make_group(ann, bob, title=title) for title in ("Tea", "Ale", "Rum"))
    make_group(bob, title="Not Ann's")
    assert titles(ann) == ["Rum", "Ale", "Tea"]
    say(bob, tea)
    assert titles(ann) == ["Tea", "Rum", "Ale"]
    Chat.objects.update(last_activity_at=rum.created_at)
    assert titles(ann) == ["Rum", "Ale", "Tea"]
    assert ale in reads.member_chats(bob.pk)


def test_archived_chats_are_a_list_of_their_own() -> None:
    ann, bob = make_users(2)
    tea = make_group(ann, bob, title="Tea")
    make_group(ann, bob, title="Ale")
    Membership.objects.filter(chat=tea, user=ann).update(is_archived=True)
    assert titles(ann) == ["Ale"]
    assert titles(ann, archived=True) == ["Tea"]
    assert titles(ann, archived=None) == titles(bob) == ["Ale", "Tea"]


def test_search_finds_titles_and_other_members() -> None:
    ann, bob = make_user("ann"), make_user("bob", display_name="Robert 50%")
    make_group(ann, title="Tea_time")
    direct = make_direct(ann, bob)
    assert titles(ann, search="tEA") == ["Tea_time"]
    assert list(reads.chats_of(ann.pk, search="robert")) == [direct]
    assert list(reads.chats_of(ann.pk, search="BOB")) == [direct]
    assert list(reads.chats_of(ann.pk, search="50%")) == [direct]
    assert titles(ann, search="%t") == []
    assert titles(ann, search="ann") == []
    with pytest.raises(ChatError) as refusal:
        titles(ann, search="a\0")
    assert refusal.value.data == {"field": "search"}
    assert titles(ann, search="x" * 120) == []
    with pytest.raises(ChatError) as refusal:
        titles(ann, search="x" * 121)
    assert (refusal.value.code, refusal.value.data) == (
        ErrorCode.TOO_LARGE,
        {"field": "search", "maxLength": 120},
    )


def test_messages_are_for_members_only() -> None:
    ann, bob, eve = make_users(3)
    chat = make_direct(ann, bob)
    message = say(ann, chat)
    assert readable(chat, bob) == [message]
    assert readable(chat, eve) == []
    assert reads.visible_messages(bob.pk, [message.pk]) == {message.pk: message}
    assert reads.visible_messages(eve.pk, [message.pk]) == {}
    assert reads.last_messages([chat.pk], viewer_id=eve.pk) == {}
    assert reads.chats_by_id(eve.pk, [chat.pk]) == {}
    assert reads.viewer_memberships(eve.pk, [chat.pk]) == {}
    assert reads.unread_counts(eve.pk, [chat.pk]) == {}


def test_history_may_begin_with_joining() -> None:
    ann, bob, cy = make_users(3)
    chat = make_group(ann, bob)
    early = say(ann, chat)
    add_members(ann.pk, chat.pk, [cy.pk])
    assert readable(chat, cy) == [early]
    Chat.objects.filter(pk=chat.pk).update(history_from_join=True)
    Membership.objects.filter(user=cy).update(last_read_seq=0)
    assert readable(chat, cy) == []
    assert reads.visible_messages(cy.pk, [early.pk]) == {}
    assert reads.last_messages([chat.pk], viewer_id=cy.pk) == {}
    assert (reads.unread_counts(cy.pk, [chat.pk]), reads.unread_chat_count(cy.pk)) == ({}, 0)
    late = say(ann, chat)
    assert readable(chat, cy) == [late]
    assert len(readable(chat, bob)) == 2
    assert (reads.unread_counts(cy.pk, [chat.pk]), reads.unread_chat_count(cy.pk)) == ({chat.pk: 1}, 1)


def test_unread_are_later_messages_of_others_that_were_not_deleted() -> None:
    ann, bob = make_users(2)
    chat, quiet, left = make_direct(ann, bob), make_group(ann, bob), make_group(ann, bob)
    first, _, slip = say(ann, chat), say(ann, chat), say(ann, chat)
    say(bob, chat)
    say(ann, left)
    delete_message(ann.pk, slip.pk)
    remove_member(ann.pk, left.pk, bob.pk)
    ids = [chat.pk, quiet.pk, left.pk]
    assert reads.unread_counts(bob.pk, ids) == {chat.pk: 2}
    assert reads.unread_counts(ann.pk, ids) == {chat.pk: 1}
    assert (reads.unread_chat_count(bob.pk), reads.unread_chat_count(ann.pk)) == (1, 1)
    Membership.objects.filter(chat=chat, user=bob).update(last_read_seq=first.seq)
    assert reads.unread_counts(bob.pk, ids) == {chat.pk: 1}
    Membership.objects.filter(chat=chat, user=bob).update(is_archived=True)
    assert reads.unread_chat_count(bob.pk) == 0


def test_unread_messages_are_counted_up_to_a_bound(settings: Settings) -> None:
    settings.MAX_UNREAD_COUNT = 3
    ann, bob = make_users(2)
    chats = [make_group(ann, bob) for _ in range(4)]
    for number, chat in enumerate(chats):
        for _ in range(number + 1):
            say(ann, chat)
            say(bob, chat)
    counts = dict(zip((chat.pk for chat in chats), [1, 2, 3, 3], strict=True))
    assert reads.unread_counts(ann.pk, counts) == reads.unread_counts(bob.pk, counts) == counts
    assert reads.unread_chat_count(ann.pk) == 3


def test_a_message_of_a_deleted_sender_is_still_unread() -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    say(bob, chat)
    bob.delete()
    assert reads.unread_counts(ann.pk, [chat.pk]) == {chat.pk: 1}


@pytest.mark.parametrize("count", [1, 7])
def test_lookups_are_one_query_however_many_rows(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ann, bob = make_users(2)
    chats = [make_group(ann, bob) for _ in range(count)]
    newest = {chat.pk: [say(bob, chat), say(bob, chat)][-1] for chat in chats}
    ids = list(newest)
    with django_assert_num_queries(1):
        assert reads.last_messages(ids, viewer_id=ann.pk) == newest
    with django_assert_num_queries(1):
        assert reads.unread_counts(ann.pk, ids) == dict.fromkeys(ids, 2)
    with django_assert_num_queries(1):
        assert reads.member_counts(ids) == dict.fromkeys(ids, 2)
    with django_assert_num_queries(1):
        assert {row.user_id for row in reads.viewer_memberships(ann.pk, ids).values()} == {ann.pk}
    with django_assert_num_queries(1):
        assert reads.chats_by_id(ann.pk, ids).keys() == newest.keys()
    with django_assert_num_queries(1):
        assert reads.unread_chat_count(ann.pk) == count


def test_members_are_in_the_order_of_joining() -> None:
    ann, bob, cy = make_users(3)
    chat = make_group(cy, ann)
    add_members(cy.pk, chat.pk, [bob.pk])
    key = PageKey(chat.pk, Window(size=10))
    assert [row.user_id for row in read_member_pages([key])[key].rows] == [cy.pk, ann.pk, bob.pk]
