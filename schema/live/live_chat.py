"""A chat that somebody here follows: the listener between the hub and the streams."""

import asyncio
from collections.abc import Callable, Sequence

from django.conf import settings

from chats.events import (
    DurableEvent,
    EphemeralEvent,
    MemberLeft,
    MessageDeleted,
    MessageEdited,
    TypingChanged,
)
from chats.feeds.chat_feed import ChatFeed
from chats.feeds.hub import get_hub
from chats.feeds.log import read_gap
from foundation.database import in_thread
from schema.live.attachment import Attachment
from schema.live.outlet import Outlet
from schema.live.plan import Plan, PlanKey
from schema.live.present import FeedEvent
from schema.live.ring import EventRing
from schema.live.stream import Stream


class LiveChat:
    """The streams of one chat and the ring of its last events. `live_chats.py` opens and closes it."""

    feed: ChatFeed

    def __init__(self, chat_id: int, on_idle: Callable[["LiveChat"], None]) -> None:
        self.chat_id = chat_id
        self._on_idle = on_idle
        self.streams: dict[PlanKey, Stream] = {}
        self._ring = EventRing(0, settings.FEED_RING_EVENTS)
        self._recalling = asyncio.Lock()
        self._recalled: dict[int, DurableEvent] = {}
        self._amendments = 0

    async def open(self) -> bool:
        """Begin to follow; False if there is no such chat. Raises django.db.Error when the database is away.

        Nothing else may be called before it has returned True.
        """
        feed = await get_hub().listen(self.chat_id, self)
        if feed is None:
            return False
        self.feed = feed
        self._ring = EventRing(feed.last_seq, settings.FEED_RING_EVENTS)
        return True

    def close(self) -> None:
        """Cease to follow."""
        get_hub().leave(self.chat_id, self)

    @property
    def is_idle(self) -> bool:
        """Whether nobody is attached."""
        return not self.streams

    @property
    def last_seq(self) -> int:
        """The seq of the newest event here."""
        return self._ring.last

    def attach(
        self, plan: Plan, viewer_id: int, outlet: Outlet, cursor: int, prelude: Sequence[FeedEvent]
    ) -> Attachment:
        """Start an operation after `cursor`, with `prelude` before its first event. Access has been checked."""
        stream = self.streams.get(plan.key)
        if stream is None:
            stream = self.streams[plan.key] = Stream(self, plan)
        attachment = Attachment(stream, viewer_id, outlet, cursor, prelude)
        stream.attachments.add(attachment)
        attachment.resume()
        return attachment

    def drop(self, stream: Stream) -> None:
        """The stream has lost its last attachment."""
        self.streams.pop(stream.plan.key, None)
        if self.is_idle:
            self._on_idle(self)

    def holds(self, seq: int) -> bool:
        """Whether the event is in the ring, which tells when it changes."""
        return self._ring.get(seq) is not None

    def event_at_hand(self, seq: int) -> DurableEvent | None:
        """The event of this seq, if it is in memory."""
        return self._ring.get(seq) or self._recalled.get(seq)

    async def recall(self, seq: int) -> DurableEvent | None:
        """The event of this seq, from the ring or else from the log; None if the log has it no more.

        What is read from the log is kept for others who ask for the same past, so that it is one query for all of them.
        """
        while True:
            event = self.event_at_hand(seq)
            if event is not None or seq > self._ring.last:
                return event
            async with self._recalling:
                if self.event_at_hand(seq) is None and not await self._read(seq):
                    return None

    async def _read(self, seq: int) -> bool:
        """Read the log from `seq` on, up to the ring or for a page; False if it begins later."""
        amendments, first = self._amendments, self._ring.first
        events = await in_thread(read_gap, self.chat_id, seq, min(first, seq + settings.FEED_LOG_PAGE) - 1)
        if not events or events[0].seq != seq:
            return False
        if amendments != self._amendments:
            return True  # a text changed while it was read: read again
        if first == self._ring.first == events[-1].seq + 1 and len(events) <= self._ring.room:
            self._ring.prepend(events)
        else:
            self._recalled = {event.seq: event for event in events}
        return True

    def on_events(self, events: Sequence[DurableEvent]) -> None:
        """New events, in order (ChatListener)."""
        for event in events:
            if event.seq != self._ring.last + 1:
                continue
            changed = self._ring.append(event)
            if isinstance(event, MessageEdited | MessageDeleted):
                self._amendments += 1
                self._recalled = {}
            for stream in tuple(self.streams.values()):
                for seq in changed:
                    stream.forget(seq)
                stream.announce(event)
            if isinstance(event, MemberLeft):
                self._end_operations(event.user.user_id, event.seq)

    def on_ephemeral(self, event: EphemeralEvent) -> None:
        """Something that is true now (ChatListener)."""
        if isinstance(event, TypingChanged):
            for stream in tuple(self.streams.values()):
                stream.announce_ephemeral(event)

    def on_hole(self, seq: int) -> None:
        """The log lacks what came before (ChatListener): attachments find out when they ask for it."""
        self._ring.leap(seq)

    def _end_operations(self, user_id: int, seq: int) -> None:
        for stream in tuple(self.streams.values()):
            for attachment in tuple(stream.attachments):
                if attachment.viewer_id == user_id:
                    attachment.end_at(seq)
