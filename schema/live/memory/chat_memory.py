"""Holds the events of one chat that subscribers may ask for: the newest in a ring, older ones read from the log."""

from django.conf import settings

from chats.events import DurableEvent, MemberLeft
from chats.feeds.chat_feed import ChatFeed
from foundation.memory_budget import MemoryBudget
from schema.live.memory.amendments import CHANGES, message_in
from schema.live.memory.older_events import OlderEvents
from schema.live.memory.ring import EventRing


class ChatMemory:
    """The events up to `last_seq`, as a replay from the log shows them now; begins at the feed's last seq."""

    def __init__(self, feed: ChatFeed, budget: MemoryBudget) -> None:
        self.chat_id = feed.chat_id
        self.last_seq = feed.last_seq
        # How many edits and deletions there have been: tells whether an event outside the memory may be outdated.
        self.change_count = 0
        self._ring = EventRing(feed.last_seq, settings.FEED_RING_EVENTS, settings.FEED_RING_BYTES, budget)
        self._older = OlderEvents(feed, self._ring, budget)

    def in_ring(self, seq: int) -> bool:
        """Whether the event is in the ring. `append` reports when such an event changes or leaves."""
        return self._ring.get(seq) is not None

    def get(self, seq: int) -> DurableEvent | None:
        """The event of this seq; None if it is not in memory."""
        return self._ring.get(seq) or self._older.get(seq)

    def up_to(self, last: MemberLeft, cursor: int) -> list[DurableEvent]:
        """The events after `cursor` up to `last`, if all of them are in memory; else `last` alone."""
        found = [self.get(seq) for seq in range(cursor + 1, last.seq)]
        events = [event for event in found if event is not None]
        return [*events, last] if len(events) == len(found) else [last]

    async def fetch(self, seq: int) -> DurableEvent | None:
        """The event of this seq, from memory or else from the log; None if the log no longer has it."""
        while True:
            event = self.get(seq)
            if event is not None or seq > self.last_seq:
                return event
            if not await self._older.load(seq):
                return None

    def is_current(self, event: DurableEvent, change_count: int) -> bool:
        """Whether no edit or deletion has changed the event; `change_count` is the count when it was fetched."""
        found = self.get(event.seq)
        return found is event or (found is None and change_count == self.change_count)

    def is_known_current(self, event: DurableEvent) -> bool:
        """Whether the event carries no message, or is in memory, where it has its message as it is now."""
        return message_in(event) is None or self.get(event.seq) is event

    def append(self, event: DurableEvent) -> list[int]:
        """Add the next event; returns the seqs of the ring's events that it amended or pushed out."""
        changed = self._ring.append(event)
        self.last_seq = event.seq
        if isinstance(event, CHANGES):
            self.change_count += 1
            self._older.amend(event)
        return changed

    def skip_to(self, seq: int) -> None:
        """Continue after `seq`, past a hole in the log: drop everything before it."""
        self._ring.skip_to(seq)
        self._older.clear()
        self.last_seq = seq

    def clear(self) -> None:
        """Drop all events."""
        self._ring.clear()
        self._older.clear()
