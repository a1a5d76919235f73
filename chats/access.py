"""Decides who may see a chat: its members. For a non-member the chat does not exist."""

from collections.abc import Collection

from chats.errors import chat_not_found
from chats.models import Membership


def require_member(user_id: int, chat_id: int) -> Membership:
    """The person's membership, with its chat. Raises ChatError NOT_FOUND for a non-member as for a missing chat."""
    membership = Membership.objects.select_related("chat").filter(chat_id=chat_id, user_id=user_id).first()
    if membership is None:
        raise chat_not_found()
    return membership


def members_among(pairs: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those (user id, chat id) pairs where the person is a member now. One query."""
    user_ids, chat_ids = {user_id for user_id, _ in pairs}, {chat_id for _, chat_id in pairs}
    rows = Membership.objects.filter(user_id__in=user_ids, chat_id__in=chat_ids)
    return set(rows.values_list("user_id", "chat_id")) & set(pairs)


def member_chat_ids(user_id: int) -> list[int]:
    """The ids of all chats of the person, archived ones too, in ascending order."""
    return list(
        Membership.objects.filter(user_id=user_id).order_by("chat_id").values_list("chat_id", flat=True)
    )
