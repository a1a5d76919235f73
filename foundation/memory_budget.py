"""Limits the bytes that many caches hold together; beyond the limit, the least recently used caches are evicted."""

from collections import OrderedDict
from typing import Protocol


class Cache(Protocol):
    """Something that holds only what can be read again from elsewhere."""

    def evict(self) -> None:
        """Drop everything. The budget has subtracted its size already."""


class MemoryBudget:
    """Counts the bytes of caches. When they exceed `max_bytes` together, the least recently used caches are evicted.

    The cache that reported last is never evicted: its owner may use what it has just stored before its next await. So
    `total` is at most `max_bytes`, or the size of that one cache.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._sizes: OrderedDict[Cache, int] = OrderedDict()
        self.total = 0

    def report(self, cache: Cache, size: int) -> None:
        """Note that the cache was used and now holds `size` bytes; 0 when it is empty."""
        self.total += size - self._sizes.pop(cache, 0)
        if size:
            self._sizes[cache] = size
            while self.total > self._max_bytes and len(self._sizes) > 1:
                other, freed = self._sizes.popitem(last=False)
                self.total -= freed
                other.evict()
