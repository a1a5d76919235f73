"""Sending messages."""

import datetime
from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chats.errors import ChatError
from chats.models import Chat, Event, Message, MessageKind
from chats.services import add_members, delete_message, edit_message, remove_member, send_message
from foundation.errors import ErrorCode
from tests.factories import make_direct, make_group, make_user, make_users, say

pytestmark = pytest.mark.django_db

Attempt = Callable[[], object]


def counts() -> tuple[int, int, list[int]]:
    """The state that a refusal must leave unchanged."""
    return (
        Message.objects.count(),
        Event.objects.count(),
        list(Chat.objects.order_by("pk").values_list("last_seq", flat=True)),
    )


def test_a_message_takes_the_next_seq_and_counts_as_activity() -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)

    message = say(ann, chat, "Hello", client_id="one")

    chat.refresh_from_db()
    assert (message.seq, chat.last_seq) == (3, 3)
    assert chat.last_activity_at == message.created_at
    assert message.created_at.tzinfo is datetime.UTC
    stored = Message.objects.get(pk=message.pk)
    assert (stored.text, stored.sender_id, stored.client_id, stored.kind) == (
        "Hello",
        ann.pk,
        "one",
        MessageKind.TEXT,
    )
    assert stored.seq == Event.objects.get(message=stored).seq
    for field in Message._meta.concrete_fields:
        assert getattr(message, field.attname) == getattr(stored, field.attname)


@pytest.mark.django_db(transaction=True)
def test_sending_is_one_statement_and_loads_the_public_sender() -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    with CaptureQueriesContext(connection) as queries:
        message = say(ann, chat, "Hello", client_id="one")
        assert message.sender is not None
        assert message.sender.display_name == ann.display_name
    assert len(queries) == 1
    assert message.sender.get_deferred_fields() >= {"password", "email"}


def test_the_same_client_id_always_returns_the_first_message() -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    first = say(ann, chat, "Hello", client_id="one")
    edit_message(ann.pk, first.pk, "Good day")
    delete_message(ann.pk, first.pk)
    before = counts()

    again = say(ann, chat, "Hello", client_id="one")

    assert again.pk == first.pk
    assert again.text == ""
    assert again.deleted_at is not None
    assert counts() == before


def test_a_retry_is_recognised_after_the_secret_key_was_rotated(settings: LazySettings) -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    first = say(ann, chat, "Hello", client_id="one")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, for the years to come, as long as a key must be"
    assert say(ann, chat, "Hello", client_id="one").pk == first.pk


def test_senders_may_use_the_same_client_id() -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    assert say(ann, chat, client_id="one").pk != say(bob, chat, client_id="one").pk


def test_a_client_id_with_other_content_is_a_conflict() -> None:
    ann, bob, cy = make_users(3)
    chat, other = make_direct(ann, bob), make_direct(ann, cy)
    first = say(ann, chat, "Hello", client_id="one")
    before = counts()

    attempts: list[Attempt] = [
        lambda: say(ann, chat, "Hullo", client_id="one"),
        lambda: say(ann, other, "Hello", client_id="one"),
        lambda: say(ann, chat, "Hello", client_id="one", reply_to_id=first.pk),
    ]
    for attempt in attempts:
        with pytest.raises(ChatError) as refusal:
            attempt()
        assert refusal.value.code is ErrorCode.CONFLICT
        assert refusal.value.data == {"field": "clientId"}
    assert counts() == before


@pytest.mark.parametrize(
    ("text", "code", "data"),
    [
        ("", ErrorCode.BAD_INPUT, {"field": "text"}),
        (" \n\t", ErrorCode.BAD_INPUT, {"field": "text"}),
        ("a\0b", ErrorCode.BAD_INPUT, {"field": "text"}),
        ("a\ud83d", ErrorCode.BAD_INPUT, {"field": "text"}),
        ("a" * 4001, ErrorCode.TOO_LARGE, {"field": "text", "maxLength": 4000}),
    ],
)
def test_a_bad_text_is_refused(text: str, code: ErrorCode, data: dict[str, object]) -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    message = say(ann, chat)
    before = counts()
    attempts: list[Attempt] = [lambda: say(ann, chat, text), lambda: edit_message(ann.pk, message.pk, text)]
    for attempt in attempts:
        with pytest.raises(ChatError) as refusal:
            attempt()
        assert (refusal.value.code, refusal.value.data) == (code, data)
    assert counts() == before


def test_a_text_of_full_length_is_stored_as_typed() -> None:
    ann, bob = make_users(2)
    text = " \U0001f375" + "a" * 3997 + "\n"
    message = say(ann, make_direct(ann, bob), text)
    message.refresh_from_db()
    assert message.text == text


@pytest.mark.parametrize(("client_id", "code"), [("", ErrorCode.BAD_INPUT), ("a" * 101, ErrorCode.TOO_LARGE)])
def test_a_bad_client_id_is_refused(client_id: str, code: ErrorCode) -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    before = counts()
    with pytest.raises(ChatError) as refusal:
        say(ann, chat, client_id=client_id)
    assert (refusal.value.code, refusal.value.data["field"]) == (code, "clientId")
    assert counts() == before


def test_a_non_member_cannot_tell_a_foreign_chat_from_a_missing_one() -> None:
    ann, bob, eve = make_users(3)
    chat = make_direct(ann, bob)
    message = say(ann, chat, "Hello")
    before = counts()

    def refusal_of(*arguments: object) -> tuple[object, ...]:
        with pytest.raises(ChatError) as refusal:
            send_message(eve.pk, *arguments)  # type: ignore[arg-type]
        return (refusal.value.code, refusal.value.message, refusal.value.data)

    foreign = refusal_of(chat.pk, "Hi")
    assert foreign[0] is ErrorCode.NOT_FOUND
    assert refusal_of(chat.pk + 1000, "Hi") == foreign
    assert refusal_of(chat.pk, "Hi", None, message.pk) == foreign
    attempts: list[Attempt] = [
        lambda: edit_message(eve.pk, message.pk, "Hi"),
        lambda: delete_message(eve.pk, message.pk),
    ]
    for attempt in attempts:
        with pytest.raises(ChatError, match="no such message") as denied:
            attempt()
        assert denied.value.code is ErrorCode.NOT_FOUND
    assert counts() == before


def test_a_former_member_can_neither_send_nor_retry() -> None:
    ann, bob = make_users(2)
    chat = make_group(ann, bob)
    message = say(bob, chat, "Hello", client_id="one")
    remove_member(ann.pk, chat.pk, bob.pk)
    before = counts()
    attempts: list[Attempt] = [
        lambda: say(bob, chat, "Hello", client_id="one"),
        lambda: edit_message(bob.pk, message.pk, "Hi"),
        lambda: delete_message(bob.pk, message.pk),
    ]
    for attempt in attempts:
        with pytest.raises(ChatError) as refusal:
            attempt()
        assert refusal.value.code is ErrorCode.NOT_FOUND
    assert counts() == before


def test_a_reply_stays_in_its_chat() -> None:
    ann, bob, cy = make_users(3)
    chat, other = make_direct(ann, bob), make_direct(ann, cy)
    elsewhere = say(ann, other)
    here = say(bob, chat)
    assert say(ann, chat, reply_to_id=here.pk).reply_to_id == here.pk
    before = counts()
    for target in (elsewhere.pk, elsewhere.pk + 1000):
        with pytest.raises(ChatError) as refusal:
            say(ann, chat, reply_to_id=target)
        assert (refusal.value.code, refusal.value.data) == (ErrorCode.NOT_FOUND, {"field": "replyToId"})
    assert counts() == before


def test_with_history_from_join_earlier_messages_cannot_be_replied_to() -> None:
    ann, bob, cy = make_users(3)
    chat = make_group(ann, bob)
    Chat.objects.filter(pk=chat.pk).update(history_from_join=True)
    early = say(ann, chat)

    add_members(ann.pk, chat.pk, [cy.pk])
    assert say(bob, chat, reply_to_id=early.pk).reply_to_id == early.pk
    with pytest.raises(ChatError) as refusal:
        say(cy, chat, reply_to_id=early.pk)
    assert refusal.value.code is ErrorCode.NOT_FOUND


def test_the_bound_of_a_text_is_a_setting(settings: LazySettings) -> None:
    settings.MAX_MESSAGE_LENGTH = 3
    ann = make_user()
    chat = make_direct(ann, make_user())
    assert say(ann, chat, "abc").text == "abc"
    with pytest.raises(ChatError) as refusal:
        say(ann, chat, "abcd")
    assert refusal.value.data["maxLength"] == 3
