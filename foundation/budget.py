"""What many holders keep in memory, bounded in all, whatever each of them may keep."""

from collections import OrderedDict
from typing import Protocol


class Holder(Protocol):
    """Keeps what can be had again from elsewhere."""

    def let_go(self) -> None:
        """Forget everything; the budget has already taken it off its account."""


class Budget:
    """An account of bytes. When all holders keep more than `most` together, the longest unused ones let go of theirs.

    Whoever says last what it keeps is never the one to let go: what it has just got it may use before it next awaits.
    So the holders keep at most `most` bytes, or what a single one keeps.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Holder, int] = OrderedDict()
        self.total = 0

    def keep(self, holder: Holder, size: int) -> None:
        """The holder is in use and keeps `size` bytes now, 0 if it is done."""
        self.total += size - self._kept.pop(holder, 0)
        if size:
            self._kept[holder] = size
            while self.total > self._most and len(self._kept) > 1:
                other, freed = self._kept.popitem(last=False)
                self.total -= freed
                other.let_go()
