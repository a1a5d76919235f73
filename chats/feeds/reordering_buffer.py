"""One chat's events put back in order: what is due now, what must wait, what is missing.

Pure state, no I/O and no clock, so that every order in which a layer may drop, double or swap messages can be tried.
"""

from collections.abc import Iterable

from chats.events import DurableEvent
from chats.feeds.early_events import EarlyEvents


class ReorderingBuffer:
    """Hands on each seq once, in order, starting after `last`.

    Those that must wait are kept in `held`, which may let them go: then they are missing like those that never came.
    """

    def __init__(self, last: int, held: EarlyEvents) -> None:
        self.last = last
        self.newest = last
        self._early = held

    @property
    def is_behind(self) -> bool:
        """Whether an event is known to exist that has not been handed on."""
        return self.newest > self.last

    @property
    def gap(self) -> tuple[int, int] | None:
        """The first range of missing seqs, both ends included; None if none is missing."""
        if not self.is_behind:
            return None
        upper = min(self._early.events, default=self.newest + 1) - 1
        return (self.last + 1, upper)

    def expect(self, seq: int) -> None:
        """Learn that the chat has got as far as `seq`."""
        self.newest = max(self.newest, seq)

    def offer(self, events: Iterable[DurableEvent]) -> list[DurableEvent]:
        """Take events in any order and return those that are due, in order."""
        due: list[DurableEvent] = []
        for event in events:
            if event.seq == self.last + 1:
                self.last += 1
                due.append(event)
            elif event.seq > self.last:
                self.expect(event.seq)
                self._early.add(event)
        while self.last + 1 in self._early.events:
            self.last += 1
            due.append(self._early.take(self.last))
        self._forget_old()
        self.newest = max(self.newest, self.last)
        return due

    def leap(self, seq: int) -> None:
        """Give up on everything up to `seq`: nobody has it any more."""
        self.last = max(self.last, seq)
        self.newest = max(self.newest, self.last)
        self._forget_old()

    def _forget_old(self) -> None:
        for seq in [seq for seq in self._early.events if seq <= self.last]:
            self._early.take(seq)
