"""Who may see a chat: its members. Everyone else is told that there is no such chat."""

from chats.errors import chat_not_found
from chats.models import Membership


def require_member(user_id: int, chat_id: int) -> Membership:
    """The person's membership, with its chat. Raises ChatError NOT_FOUND for a foreign chat as for a missing one."""
    membership = Membership.objects.select_related("chat").filter(chat_id=chat_id, user_id=user_id).first()
    if membership is None:
        raise chat_not_found()
    return membership


def is_member(user_id: int, chat_id: int) -> bool:
    """Whether the person is a member now."""
    return Membership.objects.filter(chat_id=chat_id, user_id=user_id).exists()


def member_chat_ids(user_id: int) -> list[int]:
    """All chats of the person, archived ones too, by id."""
    return list(
        Membership.objects.filter(user_id=user_id).order_by("chat_id").values_list("chat_id", flat=True)
    )
