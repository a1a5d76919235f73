"""Who belongs to a group."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Case, IntegerField, Value, When

from chats.errors import bad_input, forbidden, user_not_found
from chats.log.append import append, entry, lock_chat
from chats.models import Chat, ChatKind, Event, EventType, MemberRole, Membership
from chats.profiles import active_profiles
from chats.validation import check_member_ids

_RANK = {MemberRole.OWNER: 2, MemberRole.ADMIN: 1, MemberRole.MEMBER: 0}


@transaction.atomic
def add_members(actor_id: int, chat_id: int, user_ids: Iterable[int]) -> Chat:
    """Let people into a group; those who are members already stay as they are.

    Raises ChatError: NOT_FOUND for who is not a member and for people who are missing or not active, FORBIDDEN for
    who is neither owner nor admin, BAD_INPUT for a direct chat, TOO_LARGE above `MAX_GROUP_MEMBERS`.
    """
    chat, actor = _lock_group(actor_id, chat_id)
    if actor.role == MemberRole.MEMBER:
        raise forbidden("Only the owner or an admin may add members.")
    present = set(Membership.objects.filter(chat=chat).values_list("user_id", flat=True))
    joining = check_member_ids(
        (user_id for user_id in user_ids if user_id not in present), already=len(present), field="userIds"
    )
    if not joining:
        return chat
    people = active_profiles([actor_id, *joining])
    if not people.keys() >= set(joining):
        raise user_not_found(field="userIds")
    events = [
        _entry(chat, actor_id, EventType.MEMBER_JOINED, user_id, nth)
        for nth, user_id in enumerate(joining, 1)
    ]
    memberships = [_joined(chat, event, user_id) for event, user_id in zip(events, joining, strict=True)]
    Membership.objects.bulk_create(memberships)
    append(chat, events, memberships=memberships, known=people)
    return chat


@transaction.atomic
def remove_member(actor_id: int, chat_id: int, user_id: int) -> Chat:
    """Take somebody out of a group: the owner may take out all others, an admin the plain members.

    Raises ChatError: NOT_FOUND for who is not a member, on either side, FORBIDDEN for a lack of rank, BAD_INPUT for
    oneself and for a direct chat.
    """
    chat, actor = _lock_group(actor_id, chat_id)
    if user_id == actor_id:
        raise bad_input("To go oneself is to leave the chat.", field="userId")
    member = Membership.objects.filter(chat=chat, user_id=user_id).first()
    if member is None:
        raise user_not_found(field="userId")
    if _RANK[MemberRole(actor.role)] <= _RANK[MemberRole(member.role)]:
        raise forbidden("The owner may remove all others, an admin only plain members.")
    member.delete()
    event = _entry(chat, actor_id, EventType.MEMBER_LEFT, user_id)
    event.removed = True
    append(chat, [event])
    return chat


@transaction.atomic
def leave_chat(actor_id: int, chat_id: int) -> None:
    """Go out of a group. An owner hands it over to the admin who has been there longest, else to such a member.

    Raises ChatError: NOT_FOUND for who is not a member, BAD_INPUT for a direct chat.
    """
    chat, actor = _lock_group(actor_id, chat_id)
    actor.delete()
    events = [_entry(chat, actor_id, EventType.MEMBER_LEFT, actor_id)]
    heir = _heir(chat) if actor.role == MemberRole.OWNER else None
    if heir is not None:
        heir.role = MemberRole.OWNER
        heir.save(update_fields=["role"])
        events.append(_entry(chat, actor_id, EventType.MEMBER_ROLE_CHANGED, heir.user_id, nth=2))
    append(chat, events, memberships=[heir] if heir else [])


def _lock_group(actor_id: int, chat_id: int) -> tuple[Chat, Membership]:
    chat, actor = lock_chat(actor_id, chat_id)
    if chat.kind == ChatKind.DIRECT:
        raise bad_input("A direct chat has its two members for good.", field="chatId")
    return chat, actor


def _heir(chat: Chat) -> Membership | None:
    is_admin = Case(When(role=MemberRole.ADMIN, then=Value(1)), default=Value(0), output_field=IntegerField())
    return Membership.objects.filter(chat=chat).order_by(is_admin.desc(), "joined_seq").first()


def _entry(chat: Chat, actor_id: int, kind: EventType, user_id: int, nth: int = 1) -> Event:
    event = entry(chat, actor_id, nth)
    event.type = kind
    event.subject_id = user_id
    return event


def _joined(chat: Chat, event: Event, user_id: int) -> Membership:
    return Membership(
        chat=chat,
        user_id=user_id,
        joined_at=event.at,
        joined_seq=event.seq,
        last_read_seq=event.seq,
        last_delivered_seq=event.seq,
    )
