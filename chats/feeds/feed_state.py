"""Reads where chats are now: the starting points of feeds, each in one consistent statement."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from chats.models import Chat, Event, Membership

# How many chats a person is in, and the id of the newest membership: every joining and leaving changes it.
MembershipVersion = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FeedState:
    """A chat at one seq: its members, and the seq at which each of them joined.

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


def read_membership_versions(user_ids: Iterable[int]) -> dict[int, MembershipVersion]:
    """The version of each person's memberships; people who are in no chat are left out. One query."""
    rows = Membership.objects.filter(user_id__in=list(user_ids)).order_by().values_list("user_id")
    return {user_id: (count, newest) for user_id, count, newest in rows.annotate(Count("id"), Max("id"))}
