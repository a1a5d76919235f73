"""The account: what each follower got of each chat, against what the log has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Of each event: the type's name, and the message it is about, if any.
Entry = tuple[str, str | None]


@dataclass
class Received:
    """What one follower got of one chat, in the order in which it came; `start` is where they began."""

    start: int
    seqs: list[int] = field(default_factory=list)
    entries: dict[int, Entry] = field(default_factory=dict)
    resets: list[str] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The value for `since`."""
        return self.seqs[-1] if self.seqs else self.start

    def add(self, seq: int, entry: Entry) -> None:
        """One more event."""
        self.seqs.append(seq)
        self.entries[seq] = entry


@dataclass
class Verdict:
    """The sums over all followers and chats. All but `committed` and `arrived` must be 0."""

    committed: int = 0
    arrived: int = 0
    holes: int = 0
    doubles: int = 0
    swaps: int = 0
    wrong: int = 0
    resets: int = 0

    @property
    def is_good(self) -> bool:
        """Whether each follower got every event once, in order, and as the log has it."""
        return self.committed > 0 and not any(
            (self.holes, self.doubles, self.swaps, self.wrong, self.resets, self.committed - self.arrived)
        )

    def count(self, received: Received, log: Mapping[int, Entry]) -> None:
        """Add one follower's account of one chat."""
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
