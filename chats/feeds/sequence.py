"""One chat's events put back in order: what is due now, what must wait, what is missing.

Pure state, no I/O and no clock, so that every order in which a layer may drop, double or swap messages can be tried.
"""

from collections.abc import Iterable

from chats.events import DurableEvent


class Sequence:
    """Hands on each seq once, in order, starting after `last`.

    `held` is bounded by `capacity` events: beyond it the farthest ones are let go, since the log has them too.
    """

    def __init__(self, last: int, capacity: int) -> None:
        self.last = last
        self.newest = last
        self._capacity = capacity
        self._held: dict[int, DurableEvent] = {}

    @property
    def is_behind(self) -> bool:
        """Whether an event is known to exist that has not been handed on."""
        return self.newest > self.last

    @property
    def gap(self) -> tuple[int, int] | None:
        """The first range of missing seqs, both ends included; None if none is missing."""
        if not self.is_behind:
            return None
        upper = min(self._held, default=self.newest + 1) - 1
        return (self.last + 1, upper)

    def expect(self, seq: int) -> None:
        """Learn that the chat has got as far as `seq`."""
        self.newest = max(self.newest, seq)

    def offer(self, events: Iterable[DurableEvent]) -> list[DurableEvent]:
        """Take events in any order and return those that are due, in order."""
        for event in events:
            if event.seq > self.last:
                self._hold(event)
        due: list[DurableEvent] = []
        while self.last + 1 in self._held:
            self.last += 1
            due.append(self._held.pop(self.last))
        self.newest = max(self.newest, self.last)
        return due

    def _hold(self, event: DurableEvent) -> None:
        self.expect(event.seq)
        self._held[event.seq] = event
        if len(self._held) > self._capacity:
            del self._held[max(self._held)]

    def leap(self, seq: int) -> None:
        """Give up on everything up to `seq`: nobody has it any more."""
        self.last = max(self.last, seq)
        self.newest = max(self.newest, self.last)
        for held in [held for held in self._held if held <= self.last]:
            del self._held[held]
