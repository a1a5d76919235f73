"""Creates direct chats and groups."""

from collections.abc import Iterable, Mapping, Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from chats.errors import bad_input, client_id_conflict, user_not_found
from chats.events import Profile
from chats.feeds.publish import publish_on_commit
from chats.fingerprints import fingerprint, is_same
from chats.log.append import record
from chats.models import Chat, ChatKind, Event, EventType, MemberRole, Membership
from chats.profiles import active_profiles
from chats.validation import check_client_id, check_member_ids, check_title


def start_direct_chat(actor_id: int, other_user_id: int) -> Chat:
    """The one direct chat of these two people, created if there is none.

    Two concurrent calls get the same chat: the second one waits for the first one's commit, at the unique `direct_key`.
    Raises ChatError: BAD_INPUT for a chat with oneself, NOT_FOUND for a person who is missing or not active.
    """
    if actor_id == other_user_id:
        raise bad_input("A direct chat needs another person.", field="userId")
    direct_key = f"{min(actor_id, other_user_id)}:{max(actor_id, other_user_id)}"
    chat = Chat.objects.filter(direct_key=direct_key).first()
    if chat is not None:
        return chat
    user_ids = [actor_id, other_user_id]
    people = _require_active(user_ids, field="userId")
    chat = Chat(kind=ChatKind.DIRECT, direct_key=direct_key, created_by_id=actor_id)
    try:
        with transaction.atomic():
            return _create(chat, user_ids, people)
    except IntegrityError:
        first = Chat.objects.filter(direct_key=direct_key).first()
        if first is None:
            raise
        return first


def create_group_chat(
    actor_id: int, title: str, member_ids: Iterable[int], client_id: str | None = None
) -> Chat:
    """A new group of the actor, who owns it, and `member_ids`; a repeated `client_id` returns the first call's group.

    Raises ChatError: BAD_INPUT or TOO_LARGE for the title, the members or the client id, NOT_FOUND for a member who is
    missing or not active, CONFLICT for a client id that was used for another title or other members.
    """
    title = check_title(title)
    client_id = check_client_id(client_id)
    user_ids = check_member_ids([actor_id, *member_ids], already=0, field="memberIds")
    content = (title, sorted(user_ids))
    if client_id is not None and (chat := _created_before(actor_id, client_id, content)) is not None:
        return chat
    people = _require_active(user_ids, field="memberIds")
    chat = Chat(
        kind=ChatKind.GROUP,
        title=title,
        created_by_id=actor_id,
        client_id=client_id,
        fingerprint=None if client_id is None else fingerprint(*content),
    )
    try:
        with transaction.atomic():
            return _create(chat, user_ids, people)
    except IntegrityError:
        first = None if client_id is None else _created_before(actor_id, client_id, content)
        if first is None:
            raise
        return first


def _created_before(actor_id: int, client_id: str, content: tuple[str, list[int]]) -> Chat | None:
    chat = Chat.objects.filter(created_by_id=actor_id, client_id=client_id).first()
    if chat is not None and not is_same(chat.fingerprint, *content):
        raise client_id_conflict()
    return chat


def _require_active(user_ids: Sequence[int], field: str) -> dict[int, Profile]:
    people = active_profiles(user_ids)
    if len(people) != len(user_ids):
        raise user_not_found(field=field)
    return people


def _create(chat: Chat, user_ids: Sequence[int], people: Mapping[int, Profile]) -> Chat:
    """Insert the chat with its members, in the order of `user_ids`; in a group, the first is the owner."""
    chat.created_at = chat.last_activity_at = timezone.now()
    chat.last_seq = len(user_ids)
    chat.save()
    memberships = []
    entries = []
    for seq, user_id in enumerate(user_ids, start=1):
        is_owner = chat.kind == ChatKind.GROUP and seq == 1
        memberships.append(
            Membership(
                chat=chat,
                user_id=user_id,
                role=MemberRole.OWNER if is_owner else MemberRole.MEMBER,
                joined_at=chat.created_at,
                joined_seq=seq,
                last_read_seq=seq,
                last_delivered_seq=seq,
            )
        )
        entries.append(
            Event(
                chat=chat,
                seq=seq,
                type=EventType.MEMBER_JOINED,
                actor_id=chat.created_by_id,
                at=chat.created_at,
                subject_id=user_id,
            )
        )
    Membership.objects.bulk_create(memberships)
    publish_on_commit(*record(entries, memberships=memberships, known=people))
    return chat
