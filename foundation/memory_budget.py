"""A bound on the bytes that many caches hold together, whatever each of them may hold by itself."""

from collections import OrderedDict
from typing import Protocol


class Cache(Protocol):
    """Holds what can be read again from elsewhere."""

    def evict(self) -> None:
        """Drop everything; the budget has already taken it off its account."""


class MemoryBudget:
    """An account of bytes. When all caches together exceed `max_bytes`, the least recently used ones are evicted.

    The cache that reports last is never evicted: its owner may use what it has just stored before it next awaits. So
    the total is at most `max_bytes`, or what a single cache holds.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[Cache, int] = OrderedDict()
        self.total = 0

    def report(self, cache: Cache, size: int) -> None:
        """The cache was used and now holds `size` bytes; 0 when it is empty."""
        self.total += size - self._held.pop(cache, 0)
        if size:
            self._held[cache] = size
            while self.total > self._max_bytes and len(self._held) > 1:
                other, freed = self._held.popitem(last=False)
                self.total -= freed
                other.evict()
