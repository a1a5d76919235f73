"""What has left the ring or was there before it, read back from the log, once for all who ask for the same past."""

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

# A first reader asks for little more than they need; whoever comes with an older seq doubles what there is.
SMALLEST_READ = 32


class OlderEvents:
    """Pages of one chat's log, beside its ring. They are amended like the ring, so that they never show an old text.

    Nothing is shown that is newer than what the feed has told: rows are read as they stand in the database, and may be
    ahead of the feed by the very event that takes a reader out of the chat.
    """

    def __init__(self, feed: ChatFeed, ring: EventRing, budget: MemoryBudget) -> None:
        self._feed = feed
        self._ring = ring
        self._budget = budget
        self._pages: OrderedDict[int, dict[int, DurableEvent]] = OrderedDict()
        self._bytes = 0
        self._reading = asyncio.Lock()
        self._changes: list[Change] | None = None

    def get(self, seq: int) -> DurableEvent | None:
        """The event of this seq, if its page is in memory."""
        page = self._pages.get(_page_of(seq))
        return None if page is None else page.get(seq)

    def amend(self, change: Change) -> None:
        """A message is another from now on."""
        if self._changes is not None:
            self._changes.append(change)
        for page in self._pages.values():
            for seq, event in page.items():
                current = amended(event, change)
                if current is not event:
                    page[seq] = current
                    self._bytes += event_bytes(current) - event_bytes(event)
        if self._pages:
            self._forget_pages(settings.FEED_RECALLED_PAGES, settings.FEED_RING_BYTES)
            self._budget.report(self, self._bytes)

    def clear(self) -> None:
        """Forget all pages."""
        self.evict()
        self._budget.report(self, 0)

    def evict(self) -> None:
        """Forget all pages (foundation.memory_budget.Cache)."""
        self._pages.clear()
        self._bytes = 0

    async def read(self, seq: int) -> bool:
        """Have the event of this seq at hand, in the ring or in a page; False if the log has it no more."""
        async with self._reading:
            if self._ring.get(seq) or self.get(seq):
                return True
            self._changes = []
            try:
                return self._keep(await self._read_log(*self._range(seq)), seq)
            finally:
                self._changes = None

    def _range(self, seq: int) -> tuple[int, int]:
        """What to read: towards the ring, if it is near and has room, else a page."""
        first = self._ring.first
        depth = first - seq
        if depth <= min(self._ring.room, settings.FEED_LOG_PAGE):
            held = self._ring.last + 1 - first
            reach = min(max(2 * depth, SMALLEST_READ, held), self._ring.room, settings.FEED_LOG_PAGE)
            return max(1, first - reach), first - 1
        start = _page_of(seq) * settings.FEED_LOG_PAGE + 1
        return start, min(start + settings.FEED_LOG_PAGE, first) - 1

    async def _read_log(self, first: int, last: int) -> list[DurableEvent]:
        events, latest = await in_thread(_read, self._feed.chat_id, first, last)
        await self._feed.catch_up_to(latest)
        assert self._changes is not None
        # The rows have some of these changes already. All of them, in order, end at what the feed has told.
        return [reduce(amended, self._changes, event) for event in events]

    def _keep(self, events: Sequence[DurableEvent], seq: int) -> bool:
        if not any(event.seq == seq for event in events):
            return False
        if events[-1].seq + 1 == self._ring.first and seq >= self._ring.first - self._ring.room:
            self._ring.prepend(events)
        if self._ring.get(seq) is None:
            self._add_page(_page_of(seq), _within_bounds(events, seq))
        return True

    def _add_page(self, number: int, page: dict[int, DurableEvent]) -> None:
        """Keep the page, and others as far as there is room: whoever has asked for it must find it."""
        size = _size(page)
        self._bytes -= _size(self._pages.pop(number, {}))
        self._forget_pages(settings.FEED_RECALLED_PAGES - 1, settings.FEED_RING_BYTES - size)
        self._pages[number] = page
        self._bytes += size
        self._budget.report(self, self._bytes)

    def _forget_pages(self, most: int, most_bytes: int) -> None:
        """Keep the last pages, as many as fit."""
        while self._pages and (len(self._pages) > most or self._bytes > most_bytes):
            _, page = self._pages.popitem(last=False)
            self._bytes -= _size(page)


def _size(page: dict[int, DurableEvent]) -> int:
    return sum(map(event_bytes, page.values()))


def _within_bounds(events: Sequence[DurableEvent], seq: int) -> dict[int, DurableEvent]:
    """The event of this seq, and as many more as FEED_RING_BYTES has room for: all, or the next ones."""
    if sum(map(event_bytes, events)) > settings.FEED_RING_BYTES:
        events = [event for event in events if event.seq >= seq]
    page: dict[int, DurableEvent] = {}
    left = settings.FEED_RING_BYTES
    for event in events:
        left -= event_bytes(event)
        if left < 0 and page:
            break
        page[event.seq] = event
    return page


def _page_of(seq: int) -> int:
    return (seq - 1) // settings.FEED_LOG_PAGE


def _read(chat_id: int, first: int, last: int) -> tuple[list[DurableEvent], int]:
    """The events, and how far the chat had got when they had been read."""
    events = read_range(chat_id, first, last)
    return events, last_seqs([chat_id]).get(chat_id, 0)
