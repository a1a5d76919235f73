"""Adding and removing members, leaving, and who may do what."""

from collections.abc import Callable

import pytest
from django.conf import LazySettings

from auth.models import User
from chats.errors import ChatError
from chats.events import MemberLeft, MemberRoleChanged
from chats.log.read import read_range
from chats.models import Chat, Event, MemberRole, Membership
from chats.services import add_members, leave_chat, remove_member
from foundation.errors import ErrorCode
from tests.chats.convergence import AssertConverges, Published
from tests.factories import make_direct, make_group, make_user, make_users, say

pytestmark = pytest.mark.django_db


def roles(chat: Chat) -> dict[int, str]:
    return dict(chat.memberships.values_list("user_id", "role"))


def make_admin(chat: Chat, user: User) -> None:
    Membership.objects.filter(chat=chat, user=user).update(role=MemberRole.ADMIN)


def assert_refused(code: ErrorCode, attempt: Callable[[], object]) -> None:
    """The attempt is refused with this code and changes nothing."""

    def rows() -> list[object]:
        return [list(model.objects.order_by("pk").values()) for model in (Chat, Membership, Event)]

    before = rows()
    with pytest.raises(ChatError) as refusal:
        attempt()
    assert refusal.value.code is code
    assert rows() == before


def test_members_join(published: Published, assert_feed_converges: AssertConverges) -> None:
    ann, bob, cy, dee = make_users(4)
    chat = make_group(ann, bob)
    say(ann, chat)
    chat = add_members(ann.pk, chat.pk, [bob.pk, cy.pk, dee.pk, cy.pk])
    assert chat.last_seq == 5
    assert list(chat.memberships.filter(user__in=[cy, dee]).values_list("joined_seq", "last_read_seq")) == [
        (4, 4),
        (5, 5),
    ]
    assert_feed_converges()
    assert add_members(ann.pk, chat.pk, [bob.pk, cy.pk]).last_seq == 5
    assert len(published) == 5


def test_owner_and_admins_may_add() -> None:
    ann, bob, cy, eve = make_users(4)
    chat = make_group(ann, bob)
    assert_refused(ErrorCode.FORBIDDEN, lambda: add_members(bob.pk, chat.pk, [cy.pk]))
    assert_refused(ErrorCode.NOT_FOUND, lambda: add_members(eve.pk, chat.pk, [cy.pk]))
    assert_refused(ErrorCode.NOT_FOUND, lambda: add_members(ann.pk, chat.pk + 1000, [cy.pk]))
    make_admin(chat, bob)
    add_members(bob.pk, chat.pk, [cy.pk])
    assert cy.pk in roles(chat)


def test_active_people_can_be_added_up_to_a_bound(settings: LazySettings) -> None:
    ann, bob = make_users(2)
    inactive = make_user(is_active=False)
    chat = make_group(ann)
    assert_refused(ErrorCode.NOT_FOUND, lambda: add_members(ann.pk, chat.pk, [bob.pk, inactive.pk]))
    assert_refused(ErrorCode.NOT_FOUND, lambda: add_members(ann.pk, chat.pk, [inactive.pk + 1000]))
    settings.MAX_GROUP_MEMBERS = 1
    with pytest.raises(ChatError) as refusal:
        add_members(ann.pk, chat.pk, [bob.pk])
    assert (refusal.value.code, refusal.value.data) == (
        ErrorCode.TOO_LARGE,
        {"field": "userIds", "maxMembers": 1},
    )
    assert add_members(ann.pk, chat.pk, [ann.pk]).last_seq == 1


def test_the_members_of_a_direct_chat_cannot_change() -> None:
    ann, bob, cy = make_users(3)
    chat = make_direct(ann, bob)
    assert_refused(ErrorCode.BAD_INPUT, lambda: add_members(ann.pk, chat.pk, [cy.pk]))
    assert_refused(ErrorCode.BAD_INPUT, lambda: remove_member(ann.pk, chat.pk, bob.pk))
    assert_refused(ErrorCode.BAD_INPUT, lambda: leave_chat(ann.pk, chat.pk))
    assert_refused(ErrorCode.NOT_FOUND, lambda: leave_chat(cy.pk, chat.pk))


def test_owner_and_admins_may_remove_members_below_them() -> None:
    ann, bob, cy, dee, eve = make_users(5)
    chat = make_group(ann, bob, cy, dee)
    make_admin(chat, bob)
    make_admin(chat, cy)
    assert_refused(ErrorCode.FORBIDDEN, lambda: remove_member(bob.pk, chat.pk, ann.pk))
    assert_refused(ErrorCode.FORBIDDEN, lambda: remove_member(bob.pk, chat.pk, cy.pk))
    assert_refused(ErrorCode.FORBIDDEN, lambda: remove_member(dee.pk, chat.pk, cy.pk))
    assert_refused(ErrorCode.BAD_INPUT, lambda: remove_member(bob.pk, chat.pk, bob.pk))
    assert_refused(ErrorCode.NOT_FOUND, lambda: remove_member(ann.pk, chat.pk, eve.pk))
    assert_refused(ErrorCode.NOT_FOUND, lambda: remove_member(eve.pk, chat.pk, dee.pk))
    remove_member(bob.pk, chat.pk, dee.pk)
    remove_member(ann.pk, chat.pk, bob.pk)
    assert roles(chat) == {ann.pk: MemberRole.OWNER, cy.pk: MemberRole.ADMIN}
    assert_refused(ErrorCode.NOT_FOUND, lambda: say(dee, chat))


def test_the_log_distinguishes_removing_from_leaving(published: Published) -> None:
    ann, bob, cy = make_users(3)
    chat = make_group(ann, bob, cy)
    remove_member(ann.pk, chat.pk, bob.pk)
    leave_chat(cy.pk, chat.pk)
    removed, left = published[3:]
    assert isinstance(removed, MemberLeft)
    assert isinstance(left, MemberLeft)
    assert removed.actor is not None
    assert (removed.actor.user_id, removed.user.user_id, removed.removed) == (ann.pk, bob.pk, True)
    assert (left.user.user_id, left.removed) == (cy.pk, False)
    assert read_range(chat.pk, 4, 12) == [removed, left]


def test_a_leaving_owner_is_succeeded_by_the_oldest_admin_else_member(published: Published) -> None:
    ann, bob, cy, dee = make_users(4)
    chat = make_group(ann, bob, cy, dee)
    make_admin(chat, cy)
    make_admin(chat, dee)
    leave_chat(ann.pk, chat.pk)
    assert roles(chat)[cy.pk] == MemberRole.OWNER
    left, succeeded = published[-2:]
    assert isinstance(left, MemberLeft)
    assert isinstance(succeeded, MemberRoleChanged)
    assert (succeeded.member.user.user_id, succeeded.member.role) == (cy.pk, MemberRole.OWNER)
    assert read_range(chat.pk, 5, 13) == [left, succeeded]

    leave_chat(dee.pk, chat.pk)
    leave_chat(cy.pk, chat.pk)
    assert roles(chat) == {bob.pk: MemberRole.OWNER}
    leave_chat(bob.pk, chat.pk)
    assert roles(chat) == {}
    assert_refused(ErrorCode.NOT_FOUND, lambda: leave_chat(bob.pk, chat.pk))


def test_a_returning_member_joins_again() -> None:
    ann, bob = make_users(2)
    chat = make_group(ann, bob)
    leave_chat(bob.pk, chat.pk)
    add_members(ann.pk, chat.pk, [bob.pk])
    first, again = (event for event in read_range(chat.pk, 2, 10) if not isinstance(event, MemberLeft))
    assert (first.seq, first.member.joined_seq, first.member.joined_at) == (2, 2, first.at)  # type: ignore[union-attr]
    assert (again.seq, again.member.joined_seq, again.member.joined_at) == (4, 4, again.at)  # type: ignore[union-attr]
