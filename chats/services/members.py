"""Adds members to groups and removes them."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Case, IntegerField, Value, When

from chats.errors import bad_input, forbidden, user_not_found
from chats.feeds.publish import publish_on_commit
from chats.log.append import append, lock_chat, next_entry
from chats.models import Chat, ChatKind, Event, EventType, MemberRole, Membership
from chats.profiles import active_profiles
from chats.validation import check_member_ids

_RANK = {MemberRole.OWNER: 2, MemberRole.ADMIN: 1, MemberRole.MEMBER: 0}


@transaction.atomic
def add_members(actor_id: int, chat_id: int, user_ids: Iterable[int]) -> Chat:
    """Add people to a group; current members stay as they are.

    Raises ChatError: NOT_FOUND if the actor is a non-member and for people who are missing or not active, FORBIDDEN if
    the actor is neither owner nor admin, BAD_INPUT for a direct chat, TOO_LARGE above `MAX_GROUP_MEMBERS`.
    """
    chat, actor = _lock_group(actor_id, chat_id)
    if actor.role == MemberRole.MEMBER:
        raise forbidden("Only the owner or an admin may add members.")
    member_ids = set(Membership.objects.filter(chat=chat).values_list("user_id", flat=True))
    joining = check_member_ids(
        (user_id for user_id in user_ids if user_id not in member_ids),
        already=len(member_ids),
        field="userIds",
    )
    if not joining:
        return chat
    people = active_profiles([actor_id, *joining])
    if not people.keys() >= set(joining):
        raise user_not_found(field="userIds")
    entries = [
        next_entry(chat, actor_id, EventType.MEMBER_JOINED, subject_id=user_id, nth=nth)
        for nth, user_id in enumerate(joining, 1)
    ]
    memberships = [_membership(chat, entry, user_id) for entry, user_id in zip(entries, joining, strict=True)]
    Membership.objects.bulk_create(memberships)
    publish_on_commit(*append(chat, entries, memberships=memberships, known=people))
    return chat


@transaction.atomic
def remove_member(actor_id: int, chat_id: int, user_id: int) -> Chat:
    """Remove a member from a group: the owner may remove all others, an admin the plain members.

    Raises ChatError: NOT_FOUND if the actor or the person is a non-member, FORBIDDEN if the actor may not remove this
    member, BAD_INPUT for oneself and for a direct chat.
    """
    chat, actor = _lock_group(actor_id, chat_id)
    if user_id == actor_id:
        raise bad_input("To remove yourself, leave the chat.", field="userId")
    member = Membership.objects.filter(chat=chat, user_id=user_id).first()
    if member is None:
        raise user_not_found(field="userId")
    if _RANK[MemberRole(actor.role)] <= _RANK[MemberRole(member.role)]:
        raise forbidden("The owner may remove all others, an admin only plain members.")
    member.delete()
    entry = next_entry(chat, actor_id, EventType.MEMBER_LEFT, subject_id=user_id, removed=True)
    publish_on_commit(*append(chat, [entry]))
    return chat


@transaction.atomic
def leave_chat(actor_id: int, chat_id: int) -> None:
    """Leave a group. An owner's role goes to the longest-standing admin, else to the longest-standing member.

    Raises ChatError: NOT_FOUND if the actor is a non-member, BAD_INPUT for a direct chat.
    """
    chat, actor = _lock_group(actor_id, chat_id)
    actor.delete()
    entries = [next_entry(chat, actor_id, EventType.MEMBER_LEFT, subject_id=actor_id)]
    successor = _successor(chat) if actor.role == MemberRole.OWNER else None
    if successor is not None:
        successor.role = MemberRole.OWNER
        successor.save(update_fields=["role"])
        role_changed = EventType.MEMBER_ROLE_CHANGED
        entries.append(next_entry(chat, actor_id, role_changed, subject_id=successor.user_id, nth=2))
    publish_on_commit(*append(chat, entries, memberships=[successor] if successor else []))


def _lock_group(actor_id: int, chat_id: int) -> tuple[Chat, Membership]:
    chat, actor = lock_chat(actor_id, chat_id)
    if chat.kind == ChatKind.DIRECT:
        raise bad_input("The members of a direct chat cannot change.", field="chatId")
    return chat, actor


def _successor(chat: Chat) -> Membership | None:
    is_admin = Case(When(role=MemberRole.ADMIN, then=Value(1)), default=Value(0), output_field=IntegerField())
    return Membership.objects.filter(chat=chat).order_by(is_admin.desc(), "joined_seq").first()


def _membership(chat: Chat, entry: Event, user_id: int) -> Membership:
    return Membership(
        chat=chat,
        user_id=user_id,
        joined_at=entry.at,
        joined_seq=entry.seq,
        last_read_seq=entry.seq,
        last_delivered_seq=entry.seq,
    )
