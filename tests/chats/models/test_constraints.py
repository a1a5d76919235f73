"""Breaks every invariant of the rows once, without the services: the database itself must refuse."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from auth.models import User
from chats.models import Chat, ChatKind, Event, EventType, MemberRole, Membership, Message, MessageKind
from tests.factories import make_direct, make_group, make_user, make_users, say

pytestmark = pytest.mark.django_db

Break = Callable[[], object]


def assert_refused(constraint: str, break_it: Break) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        break_it()


def change(row: models.Model, **fields: object) -> Break:
    """A function that sets fields of one row, bypassing the model."""
    rows: models.QuerySet[models.Model] = type(row)._default_manager.filter(pk=row.pk)
    return lambda: rows.update(**fields)


@pytest.fixture
def ann() -> User:
    return make_user()


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("chat_direct_has_key_group_has_title", {"kind": "CROWD"}),
        ("chat_direct_has_key_group_has_title", {"title": ""}),
        ("chat_direct_has_key_group_has_title", {"title": None}),
        ("chat_direct_has_key_group_has_title", {"direct_key": "1:2"}),
        ("chat_direct_has_key_group_has_title", {"kind": ChatKind.DIRECT}),
        ("chat_last_seq_not_negative", {"last_seq": -1}),
        ("chat_client_id_has_fingerprint", {"client_id": "one"}),
        ("chat_client_id_has_fingerprint", {"fingerprint": b"one"}),
        ("chat_client_id_has_fingerprint", {"client_id": "", "fingerprint": b"one"}),
    ],
)
def test_a_group(ann: User, constraint: str, fields: dict[str, object]) -> None:
    assert_refused(constraint, change(make_group(ann), **fields))


def test_a_direct_chat(ann: User) -> None:
    chat, other = make_direct(ann, make_user()), make_direct(ann, make_user())
    assert_refused("chat_direct_has_key_group_has_title", change(chat, direct_key=None))
    assert_refused("chat_direct_has_key_group_has_title", change(chat, title="Us"))
    assert_refused("direct_key", change(chat, direct_key=other.direct_key))


def test_a_client_id_of_chats_is_unique_per_creator(ann: User) -> None:
    one, two = make_group(ann), make_group(ann)
    change(one, client_id="one", fingerprint=b"one")()
    assert_refused("chat_client_id_unique", change(two, client_id="one", fingerprint=b"two"))
    change(make_group(make_user()), client_id="one", fingerprint=b"three")()


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("membership_role_known", {"role": "GUEST"}),
        ("membership_joined_seq_positive", {"joined_seq": 0}),
        ("membership_markers_not_negative", {"last_read_seq": -1}),
        ("membership_markers_not_negative", {"last_delivered_seq": -1}),
        ("membership_one_owner", {"role": MemberRole.OWNER}),
    ],
)
def test_a_membership(ann: User, constraint: str, fields: dict[str, object]) -> None:
    chat = make_group(ann, make_user())
    assert_refused(constraint, change(chat.memberships.get(role=MemberRole.MEMBER), **fields))


def test_one_membership_per_person_and_chat(ann: User) -> None:
    chat = make_group(ann)
    assert_refused("membership_unique", lambda: Membership.objects.create(chat=chat, user=ann, joined_seq=9))


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("message_kind_known", {"kind": "SONG"}),
        ("message_seq_positive", {"seq": 0}),
        ("message_deleted_has_no_text", {"deleted_at": timezone.now()}),
        ("message_system_has_no_sender", {"kind": MessageKind.SYSTEM}),
        ("message_client_id_has_fingerprint", {"client_id": "one"}),
        ("message_client_id_has_fingerprint", {"fingerprint": b"one"}),
        ("message_client_id_has_fingerprint", {"client_id": "", "fingerprint": b"one"}),
    ],
)
def test_a_message(ann: User, constraint: str, fields: dict[str, object]) -> None:
    assert_refused(constraint, change(say(ann, make_group(ann)), **fields))


def test_a_seq_is_one_message_and_a_client_id_too(ann: User) -> None:
    chat = make_group(ann)
    one, two = say(ann, chat, client_id="one"), say(ann, chat, client_id="two")
    assert_refused("message_seq_unique", change(two, seq=one.seq))
    assert_refused("message_client_id_unique", change(two, client_id="one"))


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("event_seq_positive", {"seq": 0}),
        ("event_names_its_subject", {"type": "SUNRISE"}),
        ("event_names_its_subject", {"type": EventType.MESSAGE_POSTED}),
        ("event_names_its_subject", {"subject_id": None}),
        ("event_removed_only_when_left", {"removed": True}),
    ],
)
def test_an_event(ann: User, constraint: str, fields: dict[str, object]) -> None:
    events = Event.objects.filter(chat=make_group(ann), seq=1)
    assert_refused(constraint, lambda: events.update(**fields))


def test_an_event_about_a_message_names_it_alone(ann: User) -> None:
    message = say(ann, make_group(ann))
    events = Event.objects.filter(message=message)
    assert_refused("event_names_its_subject", lambda: events.update(message=None))
    assert_refused("event_names_its_subject", lambda: events.update(subject_id=ann.pk))


def test_a_seq_is_one_event(ann: User) -> None:
    chat = make_group(ann)
    event = Event(chat=chat, seq=1, type=EventType.MEMBER_LEFT, subject_id=ann.pk)
    assert_refused("chats_event_pkey", lambda: event.save(force_insert=True))


def test_a_logged_message_cannot_be_deleted_alone_but_a_chat_as_a_whole(ann: User) -> None:
    chat = make_group(ann)
    message = say(ann, chat)
    with pytest.raises(models.RestrictedError):
        message.delete()
    chat.delete()
    assert not Message.objects.exists()
    assert not Event.objects.exists()


def test_a_chat_outlives_its_creator() -> None:
    ann, bob = make_users(2)
    chat = make_group(ann, bob)
    ann.delete()
    assert Chat.objects.get(pk=chat.pk).created_by is None
    assert [membership.user for membership in chat.memberships.all()] == [bob]
