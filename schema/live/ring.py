"""The last events of one chat, kept so that a storm of reconnecting clients is served from memory."""

from collections import deque
from collections.abc import Sequence

import msgspec

from chats.events import DurableEvent, MessageDeleted, MessageEdited, MessagePosted, MessageSnapshot


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
        changed = self._amend(event) if isinstance(event, MessageEdited | MessageDeleted) else []
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

    def _amend(self, change: MessageEdited | MessageDeleted) -> list[int]:
        message_id = change.message.id if isinstance(change, MessageEdited) else change.message_id
        changed = []
        for index, event in enumerate(self._events):
            if isinstance(event, MessagePosted | MessageEdited) and event.message.id == message_id:
                self._events[index] = msgspec.structs.replace(event, message=_current(event.message, change))
                changed.append(event.seq)
        return changed


def _current(message: MessageSnapshot, change: MessageEdited | MessageDeleted) -> MessageSnapshot:
    if isinstance(change, MessageEdited):
        return change.message
    return msgspec.structs.replace(message, text="", deleted_at=change.at)
