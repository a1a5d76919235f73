"""Reads chats, messages and memberships for the schema; lookups of many rows are one query each.

A function with a `viewer_id` returns only what this person may see.
"""

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery

from chats.models import Chat, Membership, Message, MessageKind
from chats.validation import check_search

# For Message rows that are joined with the viewer's membership of their chat.
_READABLE = Q(chat__history_from_join=False) | Q(seq__gte=F("chat__memberships__joined_seq"))


def member_chats(viewer_id: int) -> QuerySet[Chat]:
    """The chats that the viewer is a member of, in no order."""
    return Chat.objects.filter(Exists(Membership.objects.filter(chat=OuterRef("pk"), user_id=viewer_id)))


def chats_by_id(viewer_id: int, chat_ids: Iterable[int]) -> dict[int, Chat]:
    """The chats among these that the viewer is a member of, by id. One query."""
    return {chat.pk: chat for chat in member_chats(viewer_id).filter(pk__in=list(chat_ids))}


def chats_of(viewer_id: int, *, archived: bool | None = False, search: str | None = None) -> QuerySet[Chat]:
    """The viewer's chats, by last activity, then by id, both descending.

    `archived`: only chats that the viewer archived, or only the others; None for both. `search`: only chats with this
    text in the title or in another member's name, ignoring case. Raises ChatError BAD_INPUT or TOO_LARGE for it.
    """
    mine = Q(memberships__user_id=viewer_id)
    if archived is not None:
        mine &= Q(memberships__is_archived=archived)
    chats = Chat.objects.filter(mine)
    if search:
        chats = chats.filter(_is_named(check_search(search), viewer_id))
    return chats.order_by("-last_activity_at", "-id")


def _is_named(text: str, viewer_id: int) -> Q:
    others = Membership.objects.filter(chat=OuterRef("pk")).exclude(user_id=viewer_id)
    named = others.filter(Q(user__display_name__icontains=text) | Q(user__username__icontains=text))
    return Q(title__icontains=text) | Q(Exists(named))


def _readable(viewer_id: int) -> QuerySet[Message]:
    # In one filter(), so that both conditions apply to the same membership.
    return Message.objects.filter(_READABLE, chat__memberships__user_id=viewer_id)


def visible_messages(viewer_id: int, message_ids: Iterable[int]) -> dict[int, Message]:
    """The messages among these that the viewer may read, by id. One query."""
    return {message.pk: message for message in _readable(viewer_id).filter(pk__in=list(message_ids))}


def last_messages(chat_ids: Iterable[int], viewer_id: int) -> dict[int, Message]:
    """The newest message of each chat that the viewer may read, tombstones included, by chat id. One query."""
    # A limited index scan for each chat: DISTINCT ON would read all their messages.
    newest = _readable(viewer_id).filter(chat_id=OuterRef("pk")).order_by("-seq").values("pk")[:1]
    found = Chat.objects.filter(pk__in=list(chat_ids)).annotate(newest=Subquery(newest)).values("newest")
    return {message.chat_id: message for message in Message.objects.filter(pk__in=found)}


def viewer_memberships(viewer_id: int, chat_ids: Iterable[int]) -> dict[int, Membership]:
    """The viewer's memberships in these chats, by chat id. One query."""
    rows = Membership.objects.filter(user_id=viewer_id, chat_id__in=list(chat_ids))
    return {membership.chat_id: membership for membership in rows}


class _Counted(Subquery):
    """The number of rows of a subquery; a limited one is read only up to its limit."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def _unread(viewer_id: int) -> QuerySet[Message]:
    """A subquery of memberships: the messages of others that the member may read and has not read."""
    unread = Q(seq__gt=OuterRef("last_read_seq"), deleted_at__isnull=True, kind=MessageKind.TEXT)
    readable = Q(chat__history_from_join=False) | Q(seq__gte=OuterRef("joined_seq"))
    return Message.objects.filter(unread, readable, chat_id=OuterRef("chat_id")).exclude(sender_id=viewer_id)


def unread_counts(viewer_id: int, chat_ids: Iterable[int]) -> dict[int, int]:
    """How many messages of others the viewer has not read in each chat; chats without any are left out. One query.

    Counting stops at MAX_UNREAD_COUNT, which hence means that many or more.
    """
    unread = _unread(viewer_id).order_by("seq").values("pk")[: settings.MAX_UNREAD_COUNT]
    rows = Membership.objects.filter(user_id=viewer_id, chat_id__in=list(chat_ids))
    counts = rows.annotate(unread=_Counted(unread)).values_list("chat_id", "unread")
    return {chat_id: count for chat_id, count in counts if count}


def unread_chat_count(viewer_id: int) -> int:
    """In how many chats, except archived ones, the viewer has unread messages; up to MAX_UNREAD_COUNT. One query."""
    chats = Membership.objects.filter(Exists(_unread(viewer_id)), user_id=viewer_id, is_archived=False)
    return chats[: settings.MAX_UNREAD_COUNT].count()


def member_counts(chat_ids: Iterable[int]) -> dict[int, int]:
    """How many members each chat has; chats without members are left out. One query."""
    rows = Membership.objects.filter(chat_id__in=list(chat_ids))
    return dict(rows.order_by().values_list("chat_id").annotate(Count("pk")))
