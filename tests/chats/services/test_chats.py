"""Creating direct chats and groups."""

import pytest
from django.conf import LazySettings

from chats.errors import ChatError
from chats.models import Chat, ChatKind, Event, EventType, MemberRole, Membership
from chats.services import create_group_chat, start_direct_chat
from foundation.errors import ErrorCode
from tests.chats.convergence import AssertConverges, Published
from tests.factories import make_direct, make_user, make_users

pytestmark = pytest.mark.django_db


def assert_nothing_was_created() -> None:
    assert not Chat.objects.exists()
    assert not Membership.objects.exists()
    assert not Event.objects.exists()


def test_two_people_have_one_direct_chat() -> None:
    ann, bob = make_users(2)
    chat = start_direct_chat(ann.pk, bob.pk)
    assert (chat.kind, chat.title, chat.last_seq) == (ChatKind.DIRECT, None, 2)
    assert start_direct_chat(bob.pk, ann.pk) == start_direct_chat(ann.pk, bob.pk) == chat
    assert {(row.user_id, row.role) for row in chat.memberships.all()} == {
        (ann.pk, MemberRole.MEMBER),
        (bob.pk, MemberRole.MEMBER),
    }
    assert Event.objects.filter(type=EventType.MEMBER_JOINED).count() == 2


def test_a_direct_chat_with_an_inactive_person_stays_reachable() -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    bob.is_active = False
    bob.save()
    assert start_direct_chat(ann.pk, bob.pk) == chat


def test_a_direct_chat_with_oneself_is_refused() -> None:
    ann = make_user()
    with pytest.raises(ChatError) as refusal:
        start_direct_chat(ann.pk, ann.pk)
    assert refusal.value.code is ErrorCode.BAD_INPUT
    assert_nothing_was_created()


def test_unknown_and_inactive_people_look_the_same() -> None:
    ann, inactive = make_user(), make_user(is_active=False)
    refusals = []
    for user_id in (inactive.pk, inactive.pk + 1000):
        for attempt in (
            lambda user_id=user_id: start_direct_chat(ann.pk, user_id),
            lambda user_id=user_id: create_group_chat(ann.pk, "Tea", [user_id]),
        ):
            with pytest.raises(ChatError) as refusal:
                attempt()  # type: ignore[no-untyped-call]
            refusals.append((refusal.value.code, refusal.value.message))
    assert set(refusals) == {(ErrorCode.NOT_FOUND, "There is no such user.")}
    assert_nothing_was_created()


def test_the_creator_owns_a_group(published: Published, assert_feed_converges: AssertConverges) -> None:
    ann, bob, cy = make_users(3)
    chat = create_group_chat(ann.pk, "  Tea ", [bob.pk, cy.pk, bob.pk, ann.pk])
    assert (chat.kind, chat.title, chat.created_by_id, chat.last_seq) == (ChatKind.GROUP, "Tea", ann.pk, 3)
    rows = chat.memberships.order_by("joined_seq").values_list(
        "user_id", "role", "joined_seq", "last_read_seq"
    )
    assert list(rows) == [
        (ann.pk, MemberRole.OWNER, 1, 1),
        (bob.pk, MemberRole.MEMBER, 2, 2),
        (cy.pk, MemberRole.MEMBER, 3, 3),
    ]
    assert len(published) == 3
    assert_feed_converges()


def test_the_same_client_id_returns_the_same_group() -> None:
    ann, bob, cy = make_users(3)
    chat = create_group_chat(ann.pk, "Tea", [bob.pk, cy.pk], client_id="one")
    assert create_group_chat(ann.pk, "Tea", [cy.pk, bob.pk], client_id="one") == chat
    for title, members in (("Coffee", [bob.pk, cy.pk]), ("Tea", [bob.pk])):
        with pytest.raises(ChatError) as refusal:
            create_group_chat(ann.pk, title, members, client_id="one")
        assert refusal.value.code is ErrorCode.CONFLICT
    assert create_group_chat(bob.pk, "Tea", [ann.pk], client_id="one") != chat
    assert Chat.objects.count() == 2


@pytest.mark.parametrize(
    ("title", "code"),
    [("  ", ErrorCode.BAD_INPUT), ("a\0", ErrorCode.BAD_INPUT), ("a" * 121, ErrorCode.TOO_LARGE)],
)
def test_a_bad_title_is_refused(title: str, code: ErrorCode) -> None:
    with pytest.raises(ChatError) as refusal:
        create_group_chat(make_user().pk, title, [])
    assert (refusal.value.code, refusal.value.data["field"]) == (code, "title")
    assert_nothing_was_created()


def test_the_size_of_a_group_is_bounded(settings: LazySettings) -> None:
    settings.MAX_GROUP_MEMBERS = 2
    ann, bob, cy = make_users(3)
    with pytest.raises(ChatError) as refusal:
        create_group_chat(ann.pk, "Tea", [bob.pk, cy.pk])
    assert refusal.value.code is ErrorCode.TOO_LARGE
    assert refusal.value.data == {"field": "memberIds", "maxMembers": 2}
    assert_nothing_was_created()
    assert create_group_chat(ann.pk, "Tea", [bob.pk]).last_seq == 2


@pytest.mark.parametrize("size", [1, 30])
def test_a_group_of_any_size_costs_the_same_queries(size: int, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    ann, *others = make_users(size + 1)
    with django_assert_num_queries(6):  # savepoint and its release; people, chat, members, log
        create_group_chat(ann.pk, "Tea", [other.pk for other in others])
