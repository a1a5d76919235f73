"""Editing and deleting messages, and what the log replays of them."""

import pytest

from chats.errors import ChatError
from chats.events import MemberJoined, MessageDeleted, MessageEdited, MessagePosted
from chats.log.read import read_range
from chats.models import Chat, Event, Message
from chats.services import delete_message, edit_message
from foundation.errors import ErrorCode
from tests.chats.convergence import AssertConverges, Published
from tests.factories import make_direct, make_group, make_users, say

pytestmark = pytest.mark.django_db


def counts() -> tuple[int, int, list[int]]:
    """The state that a refusal must leave unchanged."""
    return (
        Message.objects.count(),
        Event.objects.count(),
        list(Chat.objects.order_by("pk").values_list("last_seq", flat=True)),
    )


def test_only_the_sender_edits_and_never_a_deleted_message() -> None:
    ann, bob = make_users(2)
    chat = make_group(ann, bob)
    message = say(bob, chat, "Hello")
    before = counts()
    with pytest.raises(ChatError) as refusal:
        edit_message(ann.pk, message.pk, "Hi")
    assert refusal.value.code is ErrorCode.FORBIDDEN
    assert counts() == before

    edited = edit_message(bob.pk, message.pk, "Hi")
    assert (edited.text, edited.edited_at is not None) == ("Hi", True)
    before = counts()
    assert edit_message(bob.pk, message.pk, "Hi").edited_at == edited.edited_at
    assert counts() == before

    delete_message(bob.pk, message.pk)
    with pytest.raises(ChatError) as refusal:
        edit_message(bob.pk, message.pk, "Hullo")
    assert refusal.value.code is ErrorCode.GONE


def test_sender_and_moderators_may_delete() -> None:
    ann, bob, cy = make_users(3)
    group = make_group(ann, bob, cy)
    of_bob, of_ann = say(bob, group), say(ann, group)
    for message in (of_bob, of_ann):
        with pytest.raises(ChatError) as refusal:
            delete_message(cy.pk, message.pk)
        assert refusal.value.code is ErrorCode.FORBIDDEN
    tombstone = delete_message(ann.pk, of_bob.pk)
    assert (tombstone.text, tombstone.deleted_at is not None) == ("", True)
    before = counts()
    assert delete_message(bob.pk, of_bob.pk).deleted_at == tombstone.deleted_at
    assert counts() == before

    direct = make_direct(ann, bob)
    message = say(bob, direct)
    with pytest.raises(ChatError) as refusal:
        delete_message(ann.pk, message.pk)
    assert refusal.value.code is ErrorCode.FORBIDDEN


def test_each_service_publishes_what_the_log_replays(
    published: Published, assert_feed_converges: AssertConverges
) -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    first = say(ann, chat, "Hello", client_id="one")
    say(bob, chat, "Hi", reply_to_id=first.pk)
    assert_feed_converges()
    assert [type(event).__name__ for event in published] == ["MemberJoined"] * 2 + ["MessagePosted"] * 2


def test_a_replay_never_shows_text_that_was_edited_or_deleted(published: Published) -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    first, second = say(ann, chat, "a secret"), say(bob, chat, "a slip")
    edit_message(ann.pk, first.pk, "nothing")
    edit_message(bob.pk, second.pk, "a worse slip")
    delete_message(bob.pk, second.pk)

    posted, slip, edited, worse, deleted = read_range(chat.pk, 3, 12)
    assert isinstance(posted, MessagePosted)
    assert isinstance(edited, MessageEdited)
    assert posted.message == edited.message
    assert (posted.message.text, posted.message.edited_at) == ("nothing", edited.at)
    assert isinstance(slip, MessagePosted)
    assert isinstance(worse, MessageEdited)
    assert slip.message == worse.message
    assert (slip.message.text, slip.message.deleted_at) == ("", deleted.at)
    assert isinstance(deleted, MessageDeleted)
    assert (deleted.message_id, deleted.message_seq) == (second.pk, second.seq)
    assert [edited, deleted] == [published[-3], published[-1]]


def test_a_message_outlives_its_senders_account() -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    say(bob, chat, "Hello", client_id="one")
    bob.delete()
    joined, departed, posted = read_range(chat.pk, 1, 10)
    assert joined.actor is not None
    assert isinstance(departed, MemberJoined)
    assert departed.member.user.username == ""
    assert isinstance(posted, MessagePosted)
    assert (posted.actor, posted.message.sender, posted.message.text) == (None, None, "Hello")


def test_an_inactive_senders_profile_is_still_shown() -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    say(bob, chat)
    bob.is_active = False
    bob.save()
    event = read_range(chat.pk, 3, 3)[0]
    assert event.actor is not None
    assert event.actor.username == bob.username
