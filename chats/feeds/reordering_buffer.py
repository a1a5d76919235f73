"""Puts one chat's events back in order: which are due now, which must wait, which are missing.

Pure state, no I/O and no clock, so that tests can try every order in which a layer drops, doubles or swaps messages.
"""

from collections.abc import Iterable

from chats.events import DurableEvent
from chats.feeds.early_events import EarlyEvents


class ReorderingBuffer:
    """Returns each seq once, in order, starting after `last_seq`.

    Events that must wait are in `early`, which may drop some: those are then missing like events that never arrived.
    """

    def __init__(self, last_seq: int, early: EarlyEvents) -> None:
        self.last_seq = last_seq
        self.newest_seq = last_seq
        self._early = early

    @property
    def is_behind(self) -> bool:
        """Whether an event exists that was not returned yet."""
        return self.newest_seq > self.last_seq

    @property
    def gap(self) -> tuple[int, int] | None:
        """The first range of missing seqs, both ends included; None if none is missing."""
        if not self.is_behind:
            return None
        upper = min(self._early.events, default=self.newest_seq + 1) - 1
        return (self.last_seq + 1, upper)

    def expect(self, seq: int) -> None:
        """Note that the event `seq` exists, hence all before it."""
        self.newest_seq = max(self.newest_seq, seq)

    def offer(self, events: Iterable[DurableEvent]) -> list[DurableEvent]:
        """Accept events in any order and return those that are due, in order."""
        due: list[DurableEvent] = []
        for event in events:
            if event.seq == self.last_seq + 1:
                self.last_seq += 1
                due.append(event)
            elif event.seq > self.last_seq:
                self.expect(event.seq)
                self._early.add(event)
        while self.last_seq + 1 in self._early.events:
            self.last_seq += 1
            due.append(self._early.pop(self.last_seq))
        self._drop_passed()
        self.newest_seq = max(self.newest_seq, self.last_seq)
        return due

    def skip_to(self, seq: int) -> None:
        """Give up on everything up to `seq`: the log no longer has it."""
        self.last_seq = max(self.last_seq, seq)
        self.newest_seq = max(self.newest_seq, self.last_seq)
        self._drop_passed()

    def _drop_passed(self) -> None:
        for seq in [seq for seq in self._early.events if seq <= self.last_seq]:
            self._early.pop(seq)
