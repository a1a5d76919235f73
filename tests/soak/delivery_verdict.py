"""Compares the events that each subscriber received with the log."""

import time
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# An event's type name and the id of its message, if any.
Entry = tuple[str, str | None]


@dataclass
class ReceivedEvents:
    """The events of one chat that one subscriber received, in order; `start` is the seq that it began after."""

    start: int
    seqs: list[int] = field(default_factory=list)
    entries: dict[int, Entry] = field(default_factory=dict)
    resets: list[str] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The value for `since`."""
        return self.seqs[-1] if self.seqs else self.start

    def add(self, seq: int, entry: Entry) -> None:
        """Add an event."""
        self.seqs.append(seq)
        self.entries[seq] = entry


@dataclass
class MessageAges:
    """When each message was sent, by its text, and the age in nanoseconds at which it arrived."""

    sent: dict[str, int] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    arrived: "array[int]" = field(default_factory=lambda: array("q"))
    is_recording: bool = False

    def send(self, text: str) -> None:
        """Note when a message is sent for the first time."""
        self.sent.setdefault(text, time.monotonic_ns())

    def arrive(self, text: str) -> None:
        """Note that a subscriber received it."""
        if self.is_recording and text in self.sent:
            self.arrived.append(time.monotonic_ns() - self.sent[text])


@dataclass
class DeliveryVerdict:
    """The sums over all subscribers and chats. All but `committed` and `arrived` must be 0."""

    committed: int = 0
    arrived: int = 0
    holes: int = 0
    doubles: int = 0
    swaps: int = 0
    wrong: int = 0
    lost: int = 0
    resets: int = 0

    @property
    def is_good(self) -> bool:
        """Whether each subscriber received every event once, in order, and as the log has it."""
        faults = (self.holes, self.doubles, self.swaps, self.wrong, self.lost, self.resets)
        return self.committed > 0 and self.committed == self.arrived and not any(faults)

    def count_acknowledged(self, messages: Iterable[str], logs: Iterable[Mapping[int, Entry]]) -> None:
        """Count the acknowledged messages that no log has."""
        posted = {message for log in logs for name, message in log.values() if name == "MessagePosted"}
        self.lost += len(set(messages) - posted)

    def count(self, received: ReceivedEvents, log: Mapping[int, Entry]) -> None:
        """Add what one subscriber received of one chat."""
        expected = [seq for seq in sorted(log) if seq > received.start]
        found = set(received.seqs)
        self.committed += len(expected)
        self.arrived += len(received.seqs)
        self.holes += len(set(expected) - found)
        self.doubles += len(received.seqs) - len(found)
        self.swaps += _steps_back(received.seqs)
        self.wrong += sum(log.get(seq) != entry for seq, entry in received.entries.items())
        self.resets += len(received.resets)


def _steps_back(seqs: Iterable[int]) -> int:
    highest, count = 0, 0
    for seq in seqs:
        count += seq < highest
        highest = max(highest, seq)
    return count
