"""Reads events older than the in-memory ring from the log, in pages that all subscribers of the chat share."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import reduce

from django.conf import settings

from chats.events import DurableEvent
from chats.feeds.chat_feed import ChatFeed
from chats.log.event_sizes import event_bytes
from chats.log.read import last_seqs, read_range
from foundation.database import in_thread
from foundation.memory_budget import MemoryBudget
from schema.live.memory.amendments import Change, amended
from schema.live.memory.ring import EventRing

# A first reader asks for little more than it needs; every read for an older seq doubles what the ring holds.
SMALLEST_READ = 32


class OlderEvents:
    """Pages of one chat's log beside its ring. Edits and deletions amend them too, so that no old text is shown.

    Nothing here is newer than the feed. A read returns the rows as they are in the database, which may be ahead of the
    feed by the very event that removes a reader from the chat.
    """

    def __init__(self, feed: ChatFeed, ring: EventRing, budget: MemoryBudget) -> None:
        self._feed = feed
        self._ring = ring
        self._budget = budget
        self._pages: OrderedDict[int, dict[int, DurableEvent]] = OrderedDict()
        self._bytes = 0
        self._read_lock = asyncio.Lock()
        self._changes_during_read: list[Change] | None = None

    def get(self, seq: int) -> DurableEvent | None:
        """The event of this seq; None if its page is not in memory."""
        page = self._pages.get(_page_of(seq))
        return None if page is None else page.get(seq)

    def amend(self, change: Change) -> None:
        """Apply an edit or a deletion to every page, and to the read that is under way."""
        if self._changes_during_read is not None:
            self._changes_during_read.append(change)
        for page in self._pages.values():
            for seq, event in page.items():
                current = amended(event, change)
                if current is not event:
                    page[seq] = current
                    self._bytes += event_bytes(current) - event_bytes(event)
        if self._pages:
            self._drop_oldest_pages(settings.FEED_RECALLED_PAGES, settings.FEED_RING_BYTES)
            self._budget.report(self, self._bytes)

    def clear(self) -> None:
        """Drop all pages."""
        self.evict()
        self._budget.report(self, 0)

    def evict(self) -> None:
        """Drop all pages (foundation.memory_budget.Cache)."""
        self._pages.clear()
        self._bytes = 0

    async def load(self, seq: int) -> bool:
        """Bring the event of this seq into the ring or a page; False if the log no longer has it."""
        async with self._read_lock:
            if self._ring.get(seq) or self.get(seq):
                return True
            self._changes_during_read = []
            try:
                return self._store(await self._read_log(*self._range(seq)), seq)
            finally:
                self._changes_during_read = None

    def _range(self, seq: int) -> tuple[int, int]:
        """The first and last seq to read: from `seq` up to the ring if it is near and has room, else one page."""
        first = self._ring.first
        depth = first - seq
        free_slots = self._ring.free_slots
        if depth <= min(free_slots, settings.FEED_LOG_PAGE):
            in_ring = self._ring.last + 1 - first
            count = min(max(2 * depth, SMALLEST_READ, in_ring), free_slots, settings.FEED_LOG_PAGE)
            return max(1, first - count), first - 1
        start = _page_of(seq) * settings.FEED_LOG_PAGE + 1
        return start, min(start + settings.FEED_LOG_PAGE, first) - 1

    async def _read_log(self, first: int, last: int) -> list[DurableEvent]:
        events, latest = await in_thread(_read, self._feed.chat_id, first, last)
        await self._feed.catch_up_to(latest)
        assert self._changes_during_read is not None
        # The rows include some of these changes already. Applying all of them in order ends at what the feed has shown.
        return [reduce(amended, self._changes_during_read, event) for event in events]

    def _store(self, events: Sequence[DurableEvent], seq: int) -> bool:
        if not any(event.seq == seq for event in events):
            return False
        if events[-1].seq + 1 == self._ring.first and seq >= self._ring.first - self._ring.free_slots:
            self._ring.prepend(events)
        if self._ring.get(seq) is None:
            self._add_page(_page_of(seq), _within_bounds(events, seq))
        return True

    def _add_page(self, number: int, page: dict[int, DurableEvent]) -> None:
        """Keep this page in any case, since its reader needs it next, and as many others as there is room for."""
        size = _size(page)
        self._bytes -= _size(self._pages.pop(number, {}))
        self._drop_oldest_pages(settings.FEED_RECALLED_PAGES - 1, settings.FEED_RING_BYTES - size)
        self._pages[number] = page
        self._bytes += size
        self._budget.report(self, self._bytes)

    def _drop_oldest_pages(self, max_pages: int, max_bytes: int) -> None:
        while self._pages and (len(self._pages) > max_pages or self._bytes > max_bytes):
            _, page = self._pages.popitem(last=False)
            self._bytes -= _size(page)


def _size(page: dict[int, DurableEvent]) -> int:
    return sum(map(event_bytes, page.values()))


def _within_bounds(events: Sequence[DurableEvent], seq: int) -> dict[int, DurableEvent]:
    """All events if FEED_RING_BYTES has room for them; else the event of this seq and the next ones that fit."""
    if sum(map(event_bytes, events)) > settings.FEED_RING_BYTES:
        events = [event for event in events if event.seq >= seq]
    page: dict[int, DurableEvent] = {}
    free_bytes = settings.FEED_RING_BYTES
    for event in events:
        free_bytes -= event_bytes(event)
        if free_bytes < 0 and page:
            break
        page[event.seq] = event
    return page


def _page_of(seq: int) -> int:
    return (seq - 1) // settings.FEED_LOG_PAGE


def _read(chat_id: int, first: int, last: int) -> tuple[list[DurableEvent], int]:
    """The events, and the chat's last seq right after they were read."""
    events = read_range(chat_id, first, last)
    return events, last_seqs([chat_id]).get(chat_id, 0)
