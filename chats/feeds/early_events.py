"""Stores the events of one chat that arrived before their predecessors, in bounded memory."""

from chats.events import DurableEvent
from chats.log.event_sizes import event_bytes
from foundation.memory_budget import MemoryBudget


class EarlyEvents:
    """Events by seq, at most `capacity`, and within a memory budget that all chats of the process share.

    Beyond `capacity` the event with the highest seq is dropped, beyond the budget all of them: the log has them too.
    `newest_seq` remembers the highest seq that was ever added.
    """

    def __init__(self, capacity: int, budget: MemoryBudget) -> None:
        self.events: dict[int, DurableEvent] = {}
        self.newest_seq = 0
        self._capacity = capacity
        self._budget = budget
        self._bytes = 0

    def add(self, event: DurableEvent) -> None:
        """Store the event; above `capacity`, drop the one with the highest seq."""
        self._discard(event.seq)
        self.events[event.seq] = event
        self.newest_seq = max(self.newest_seq, event.seq)
        self._bytes += event_bytes(event)
        if len(self.events) > self._capacity:
            self._discard(max(self.events))
        self._budget.report(self, self._bytes)

    def pop(self, seq: int) -> DurableEvent:
        """Remove and return the event of this seq, which must be stored."""
        event = self._discard(seq)
        assert event is not None
        self._budget.report(self, self._bytes)
        return event

    def clear(self) -> None:
        """Drop all events."""
        self.evict()
        self._budget.report(self, 0)

    def evict(self) -> None:
        """Drop all events, for the budget (foundation.memory_budget.Cache)."""
        self.events.clear()
        self._bytes = 0

    def _discard(self, seq: int) -> DurableEvent | None:
        event = self.events.pop(seq, None)
        if event is not None:
            self._bytes -= event_bytes(event)
        return event
