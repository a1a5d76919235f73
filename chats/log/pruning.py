"""Deletes the oldest part of the log. Messages stay; only the replay of how they came is lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Min, OuterRef, Subquery

from chats.models import Chat, Event

CHATS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class Prunable:
    """The events `first_seq` to `last_seq` of a chat, both included."""

    chat_id: int
    first_seq: int
    last_seq: int

    @property
    def count(self) -> int:
        """How many events these are; a chat's seqs have no holes."""
        return self.last_seq - self.first_seq + 1


def find_prunable(before: datetime) -> Iterator[Prunable]:
    """The part of each chat's log from before that moment. Never the newest event, so that no log becomes empty.

    It is always the beginning of the log, even if a clock once went back, so that the log gets no hole.
    """
    oldest = Event.objects.filter(chat_id=OuterRef("pk")).order_by("seq").values("at")[:1]
    after = 0
    while True:
        page = Chat.objects.filter(pk__gt=after).order_by("pk").annotate(oldest=Subquery(oldest))
        found = list(page.values_list("pk", "oldest")[:CHATS_PER_QUERY])
        if not found:
            return
        for chat_id, oldest_at in found:
            if oldest_at is not None and oldest_at < before:
                yield from _prunable(chat_id, before)
        after = found[-1][0]


def _prunable(chat_id: int, before: datetime) -> Iterator[Prunable]:
    log = Event.objects.filter(chat_id=chat_id)
    ends = log.aggregate(first=Min("seq"), newest=Max("seq"))
    kept = log.filter(at__gte=before).order_by("seq").values_list("seq", flat=True).first()
    last = min(kept or ends["newest"], ends["newest"]) - 1
    if last >= ends["first"]:
        yield Prunable(chat_id, ends["first"], last)


def prune(found: Prunable, events_at_once: int) -> Iterator[int]:
    """Delete these events, oldest first, `events_at_once` per transaction; yields how many each transaction deleted.

    A concurrent reader sees a log without holes from some seq on; a feed that needs deleted events is reset.
    """
    for start in range(found.first_seq, found.last_seq + 1, events_at_once):
        end = min(start + events_at_once - 1, found.last_seq)
        deleted, _ = Event.objects.filter(chat_id=found.chat_id, seq__range=(start, end)).delete()
        yield deleted
