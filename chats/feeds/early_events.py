"""Events of one chat that cannot be handed on yet."""

from chats.events import DurableEvent
from chats.log.event_sizes import event_bytes
from foundation.memory_budget import MemoryBudget


class EarlyEvents:
    """Events by seq, at most `capacity`, and within a budget that all chats of the process share.

    Beyond a bound some are let go, the farthest first, or all of them: the log has them too. `newest` stays known.
    """

    def __init__(self, capacity: int, budget: MemoryBudget) -> None:
        self.events: dict[int, DurableEvent] = {}
        self.newest = 0
        self._capacity = capacity
        self._budget = budget
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.events)

    def add(self, event: DurableEvent) -> None:
        """Hold the event, or one nearer if there are too many."""
        self._discard(event.seq)
        self.events[event.seq] = event
        self.newest = max(self.newest, event.seq)
        self._bytes += event_bytes(event)
        if len(self.events) > self._capacity:
            self._discard(max(self.events))
        self._budget.report(self, self._bytes)

    def take(self, seq: int) -> DurableEvent:
        """The event of this seq, which must be held, no longer held."""
        event = self._discard(seq)
        assert event is not None
        self._budget.report(self, self._bytes)
        return event

    def clear(self) -> None:
        """Hold nothing any more."""
        self.evict()
        self._budget.report(self, 0)

    def evict(self) -> None:
        """Hold nothing any more (foundation.memory_budget.Cache)."""
        self.events.clear()
        self._bytes = 0

    def _discard(self, seq: int) -> DurableEvent | None:
        event = self.events.pop(seq, None)
        if event is not None:
            self._bytes -= event_bytes(event)
        return event
