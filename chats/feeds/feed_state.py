"""Where chats stand: the starting point of a feed, read in one consistent statement."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from chats.models import Chat, Event, Membership


@dataclass(frozen=True, slots=True)
class FeedState:
    """A chat at one seq: who is a member there, and from which seq on each may read.

    `horizon_seq` is the oldest seq that the log still has; `last_seq + 1` if it has none.
    """

    last_seq: int
    horizon_seq: int
    joined_seqs: Mapping[int, int]
    history_from_join: bool


def read_states(chat_ids: Iterable[int]) -> dict[int, FeedState]:
    """The states of those chats that exist, by id. One query, hence one snapshot: members and seq belong together."""
    members = Q(memberships__isnull=False)
    oldest = Event.objects.filter(chat_id=OuterRef("pk")).order_by("seq").values("seq")[:1]
    rows = (
        Chat.objects.filter(id__in=list(chat_ids))
        .annotate(
            user_ids=ArrayAgg("memberships__user_id", filter=members, default=[], order_by="memberships__id"),
            seqs=ArrayAgg("memberships__joined_seq", filter=members, default=[], order_by="memberships__id"),
            horizon_seq=Coalesce(Subquery(oldest), F("last_seq") + 1),
        )
        .values_list("id", "last_seq", "horizon_seq", "history_from_join", "user_ids", "seqs")
    )
    return {
        chat_id: FeedState(last_seq, horizon_seq, dict(zip(user_ids, seqs, strict=True)), from_join)
        for chat_id, last_seq, horizon_seq, from_join, user_ids, seqs in rows
    }


def membership_marks(user_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """For each person who is in any chat: in how many, and the id of their newest membership. One query."""
    rows = Membership.objects.filter(user_id__in=list(user_ids)).order_by().values_list("user_id")
    return {user_id: (count, newest) for user_id, count, newest in rows.annotate(Count("id"), Max("id"))}
