"""The last events of one chat, kept so that a storm of reconnecting clients is served from memory."""

from collections import deque
from collections.abc import Sequence

from chats.events import DurableEvent
from chats.log.event_sizes import event_bytes
from foundation.memory_budget import MemoryBudget
from schema.live.memory.amendments import Change, amended


class EventRing:
    """The events (`first`, ..., `last`) without a hole; `last` stays known when it is empty.

    At most `capacity` events and `max_bytes` of memory, and what the budget of the process leaves.

    Deleting really deletes: a message that is edited or deleted is amended in every event here that shows it, as a
    replay from the log would show it.
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
        """The oldest seq held; `last + 1` if none is."""
        return self.last - len(self._events) + 1

    @property
    def room(self) -> int:
        """How many more events fit, if they are as large as those that are here."""
        held = len(self._events)
        room = self._capacity - held
        return min(room, (self._max_bytes - self._bytes) * held // self._bytes) if held else room

    def get(self, seq: int) -> DurableEvent | None:
        """The event of this seq, if it is held."""
        if self.first <= seq <= self.last:
            return self._events[seq - self.first]
        return None

    def append(self, event: DurableEvent) -> list[int]:
        """Take the next event; returns the seqs whose events have changed or left."""
        assert event.seq == self.last + 1
        changed = self._amend(event) if isinstance(event, Change) else []
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
        """Take older events from the log, as far as they join without a hole and fit."""
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

    def leap(self, seq: int) -> None:
        """Go on after `seq`; what was before is no longer joined to it."""
        self.clear()
        self.last = seq

    def clear(self) -> None:
        """Keep nothing more."""
        self.evict()
        self._budget.report(self, 0)

    def evict(self) -> None:
        """Keep nothing more (foundation.memory_budget.Cache)."""
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
