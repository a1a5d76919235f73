"""A chat that somebody here follows: the listener between the hub and the streams."""

import logging
from collections.abc import Callable, Iterable, Sequence

from django.conf import settings

from chats.events import DurableEvent, EphemeralEvent, MemberLeft, TypingChanged
from chats.feeds.chat_feed import ChatFeed
from chats.feeds.hub import get_hub
from foundation.memory_budget import MemoryBudget
from schema.live.compiling.event_objects import FeedEvent
from schema.live.compiling.plan import Plan, PlanKey
from schema.live.delivery.attachment import Attachment
from schema.live.delivery.stream import Stream
from schema.live.memory.amendments import Change, leaving_before_a_change
from schema.live.memory.older_events import OlderEvents
from schema.live.memory.ring import EventRing
from schema.live.outlet import Outlet

logger = logging.getLogger(__name__)


class LiveChat:
    """The streams of one chat and the ring of its last events. `live_chats.py` opens and closes it."""

    feed: ChatFeed
    # How often a message has been edited or deleted.
    changes: int

    def __init__(self, chat_id: int, on_idle: Callable[["LiveChat"], None], budget: MemoryBudget) -> None:
        self.chat_id = chat_id
        self._on_idle = on_idle
        self._budget = budget
        self.streams: dict[PlanKey, Stream] = {}
        self._ring = self._new_ring(0)
        self._older: OlderEvents
        self.changes = 0

    async def open(self) -> bool:
        """Begin to follow; False if there is no such chat. Raises django.db.Error when the database is away.

        Nothing else may be called before it has returned True.
        """
        feed = await get_hub().listen(self.chat_id, self)
        if feed is None:
            return False
        self.feed = feed
        self._ring = self._new_ring(feed.last_seq)
        self._older = OlderEvents(feed, self._ring, self._budget)
        return True

    def _new_ring(self, last: int) -> EventRing:
        return EventRing(last, settings.FEED_RING_EVENTS, settings.FEED_RING_BYTES, self._budget)

    def close(self) -> None:
        """Cease to follow."""
        self._ring.clear()
        self._older.clear()
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
        if self.feed.history_from_join:
            plan = plan.readable_from(self.feed.first_readable_seq(viewer_id) or 1)
        stream = self.streams.get(plan.key)
        if stream is None:
            stream = self.streams[plan.key] = Stream(self, plan, self._budget)
        attachment = Attachment(stream, viewer_id, outlet, cursor, prelude)
        stream.attachments.add(attachment)
        try:
            attachment.resume()
        except BaseException:
            attachment.stop()
            raise
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
        return self._ring.get(seq) or self._older.get(seq)

    async def recall(self, seq: int) -> DurableEvent | None:
        """The event of this seq, from memory or else from the log; None if the log has it no more."""
        while True:
            event = self.event_at_hand(seq)
            if event is not None or seq > self._ring.last:
                return event
            if not await self._older.read(seq):
                return None

    def is_current(self, event: DurableEvent, changes: int) -> bool:
        """Whether the event still shows its message as it is; `changes` is what it was when the event was recalled."""
        found = self.event_at_hand(event.seq)
        return found is event or (found is None and changes == self.changes)

    def on_events(self, events: Sequence[DurableEvent]) -> None:
        """New events, in order (ChatListener)."""
        for leaving in leaving_before_a_change(events):
            self._end_operations(leaving)
        for event in events:
            if event.seq > self._ring.last + 1:
                self.on_hole(event.seq - 1)
            if event.seq == self._ring.last + 1:
                self._take(event)

    def _take(self, event: DurableEvent) -> None:
        changed = self._ring.append(event)
        if isinstance(event, Change):
            self.changes += 1
            self._older.amend(event)
        for stream in tuple(self.streams.values()):
            for seq in changed:
                stream.forget(seq)
            try:
                stream.announce(event)
            except Exception as error:
                logger.exception("Chat %d: event %d could not be passed on", self.chat_id, event.seq)
                stream.fail(error)
        if isinstance(event, MemberLeft):
            self._end_operations(event)

    def on_ephemeral(self, event: EphemeralEvent) -> None:
        """Something that is true now (ChatListener)."""
        if isinstance(event, TypingChanged):
            for stream in tuple(self.streams.values()):
                stream.announce_ephemeral(event)

    def on_hole(self, seq: int) -> None:
        """The log lacks what came before (ChatListener): who is no longer a member ends, the others are reset."""
        self._ring.leap(seq)
        self._older.clear()
        for stream in tuple(self.streams.values()):
            stream.forget_all()
        for attachment in self._attachments():
            if self.feed.first_readable_seq(attachment.viewer_id) is None:
                attachment.end_now()
            else:
                attachment.resume()

    def _attachments(self) -> Iterable[Attachment]:
        return [one for stream in self.streams.values() for one in stream.attachments]

    def _end_operations(self, event: MemberLeft) -> None:
        for attachment in self._attachments():
            if attachment.viewer_id == event.user.user_id:
                attachment.end_at(event)
