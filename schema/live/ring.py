"""The last events of one chat, kept so that a storm of reconnecting clients is served from memory."""

from collections import deque
from collections.abc import Sequence

from chats.events import DurableEvent
from schema.live.amendments import Change, amended


class EventRing:
    """The events (`first`, ..., `last`) without a hole, `capacity` at most; `last` stays known when it is empty.

    Deleting really deletes: a message that is edited or deleted is amended in every event here that shows it, as a
    replay from the log would show it.
    """

    def __init__(self, last: int, capacity: int) -> None:
        self.last = last
        self._events: deque[DurableEvent] = deque()
        self._capacity = capacity

    @property
    def first(self) -> int:
        """The oldest seq held; `last + 1` if none is."""
        return self.last - len(self._events) + 1

    @property
    def room(self) -> int:
        """How many more events fit."""
        return self._capacity - len(self._events)

    def get(self, seq: int) -> DurableEvent | None:
        """The event of this seq, if it is held."""
        if self.first <= seq <= self.last:
            return self._events[seq - self.first]
        return None

    def append(self, event: DurableEvent) -> list[int]:
        """Take the next event; returns the seqs whose events have changed or left."""
        assert event.seq == self.last + 1
        changed = self._amend(event) if isinstance(event, Change) else []
        self._events.append(event)
        self.last = event.seq
        if len(self._events) > self._capacity:
            changed.append(self._events.popleft().seq)
        return changed

    def prepend(self, events: Sequence[DurableEvent]) -> None:
        """Take older events from the log, as far as they join without a hole and fit."""
        for event in reversed(events):
            if event.seq != self.first - 1 or self.room <= 0:
                break
            self._events.appendleft(event)

    def leap(self, seq: int) -> None:
        """Go on after `seq`; what was before is no longer joined to it."""
        self._events.clear()
        self.last = seq

    def _amend(self, change: Change) -> list[int]:
        changed = []
        for index, event in enumerate(self._events):
            current = amended(event, change)
            if current is not event:
                self._events[index] = current
                changed.append(event.seq)
        return changed
