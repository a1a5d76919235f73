"""Keeps the newest events of one chat in memory, so that a storm of reconnecting clients needs no database."""

from collections import deque
from collections.abc import Sequence

from chats.events import DurableEvent
from chats.log.event_sizes import event_bytes
from foundation.memory_budget import MemoryBudget
from schema.live.memory.amendments import CHANGES, Change, amended


class EventRing:
    """The events `first` to `last` without a hole; `last` stays known when the ring is empty.

    Bounded by `capacity` events, by `max_bytes` of memory, and by the budget that all chats share. An edit or a
    deletion amends every event here that shows the message, so that the ring equals a replay from the log.
    """

    def __init__(self, last: int, capacity: int, max_bytes: int, budget: MemoryBudget) -> None:
        self.last = last
        self._events: deque[DurableEvent] = deque()
        self._sizes: deque[int] = deque()
        self._bytes = 0
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._budget = budget

    @property
    def first(self) -> int:
        """The oldest seq in the ring; `last + 1` if the ring is empty."""
        return self.last - len(self._events) + 1

    @property
    def free_slots(self) -> int:
        """How many more events fit, if they are as large as the present ones on average."""
        count = len(self._events)
        free = self._capacity - count
        return min(free, (self._max_bytes - self._bytes) * count // self._bytes) if count else free

    def get(self, seq: int) -> DurableEvent | None:
        """The event of this seq; None if it is not in the ring."""
        if self.first <= seq <= self.last:
            return self._events[seq - self.first]
        return None

    def append(self, event: DurableEvent) -> list[int]:
        """Add the next event; returns the seqs of the events that it amended or pushed out."""
        assert event.seq == self.last + 1
        changed = self._amend(event) if isinstance(event, CHANGES) else []
        size = event_bytes(event)
        self._events.append(event)
        self._sizes.append(size)
        self._bytes += size
        self.last = event.seq
        while len(self._events) > self._capacity or self._bytes > self._max_bytes:
            changed.append(self._events.popleft().seq)
            self._bytes -= self._sizes.popleft()
        self._budget.report(self, self._bytes)
        return changed

    def prepend(self, events: Sequence[DurableEvent]) -> None:
        """Add older events from the log, as many as join the ring without a hole and fit."""
        for event in reversed(events):
            size = event_bytes(event)
            if event.seq != self.first - 1 or len(self._events) >= self._capacity:
                break
            if self._bytes + size > self._max_bytes:
                break
            self._events.appendleft(event)
            self._sizes.appendleft(size)
            self._bytes += size
        self._budget.report(self, self._bytes)

    def skip_to(self, seq: int) -> None:
        """Continue after `seq`: drop all events, since there is a hole between them and the next one."""
        self.clear()
        self.last = seq

    def clear(self) -> None:
        """Drop all events."""
        self.evict()
        self._budget.report(self, 0)

    def evict(self) -> None:
        """Drop all events (foundation.memory_budget.Cache)."""
        self._events.clear()
        self._sizes.clear()
        self._bytes = 0

    def _amend(self, change: Change) -> list[int]:
        changed = []
        for index, event in enumerate(self._events):
            current = amended(event, change)
            if current is not event:
                self._events[index] = current
                size = event_bytes(current)
                self._bytes += size - self._sizes[index]
                self._sizes[index] = size
                changed.append(event.seq)
        return changed
