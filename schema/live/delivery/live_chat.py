"""Listens to one chat's feed and passes its events to the streams of that chat."""

import logging
from collections.abc import Callable, Sequence

from chats.events import DurableEvent, EphemeralEvent, MemberLeft
from chats.feeds.chat_feed import ChatFeed
from chats.feeds.hub import get_hub
from foundation.memory_budget import MemoryBudget
from schema.live.compiling.event_objects import FeedEvent, has_graphql_type
from schema.live.compiling.plan import Plan, PlanKey
from schema.live.delivery.attachment import Attachment
from schema.live.delivery.stream import Stream
from schema.live.memory.amendments import departures_before_a_change
from schema.live.memory.chat_memory import ChatMemory
from schema.live.outlet import Outlet

logger = logging.getLogger(__name__)


class LiveChat:
    """The streams of one chat and the memory that they share. `live_chats.py` opens and closes it."""

    # Both are set by `listen`; nothing else may be called before it has returned True.
    feed: ChatFeed
    memory: ChatMemory

    def __init__(self, chat_id: int, on_idle: Callable[["LiveChat"], None], budget: MemoryBudget) -> None:
        self.chat_id = chat_id
        self.streams: dict[PlanKey, Stream] = {}
        self._on_idle = on_idle
        self._budget = budget

    async def listen(self) -> bool:
        """Start to listen; False if there is no such chat. Raises django.db.Error when the database is away."""
        feed = await get_hub().listen(self.chat_id, self)
        if feed is None:
            return False
        # No await between the two: the first event that comes is the one after `feed.last_seq`.
        self.feed = feed
        self.memory = ChatMemory(feed, self._budget)
        return True

    def close(self) -> None:
        """Stop listening and free the memory."""
        self.memory.clear()
        get_hub().leave(self.chat_id, self)

    @property
    def is_idle(self) -> bool:
        """Whether the chat has no subscription here."""
        return not self.streams

    @property
    def last_seq(self) -> int:
        """The seq of the newest event that this process has."""
        return self.memory.last_seq

    def is_member(self, viewer_id: int) -> bool:
        """Whether the viewer is a member at the feed's current seq."""
        return self.feed.first_readable_seq(viewer_id) is not None

    def attach(
        self, plan: Plan, viewer_id: int, outlet: Outlet, cursor: int, prelude: Sequence[FeedEvent]
    ) -> Attachment:
        """Start an operation after `cursor`, with `prelude` before its first event. Access has been checked."""
        if self.feed.history_from_join:
            plan = plan.readable_from(self.feed.first_readable_seq(viewer_id) or 1)
        stream = self.streams.get(plan.key)
        if stream is None:
            stream = Stream(self.memory, plan, self._budget, on_empty=self._remove_stream)
            self.streams[plan.key] = stream
        attachment = Attachment(stream, viewer_id, outlet, cursor, prelude)
        stream.attachments.add(attachment)
        try:
            attachment.resume()
        except BaseException:
            attachment.stop()
            raise
        return attachment

    def _remove_stream(self, stream: Stream) -> None:
        self.streams.pop(stream.plan.key, None)
        if self.is_idle:
            self._on_idle(self)

    # --- ChatListener

    def on_events(self, events: Sequence[DurableEvent]) -> None:
        """The next durable events, in order."""
        for departure in departures_before_a_change(events):
            self._end_operations(departure)
        for event in events:
            if event.seq > self.memory.last_seq + 1:
                self.on_hole(event.seq - 1)
            if event.seq == self.memory.last_seq + 1:
                self._on_event(event)

    def _on_event(self, event: DurableEvent) -> None:
        changed = self.memory.append(event)
        for stream in tuple(self.streams.values()):
            for seq in changed:
                stream.forget(seq)
            try:
                stream.announce(event)
            except Exception as error:
                logger.exception("Chat %d: event %d could not be delivered", self.chat_id, event.seq)
                stream.fail(error)
        if isinstance(event, MemberLeft):
            self._end_operations(event)

    def on_ephemeral(self, event: EphemeralEvent) -> None:
        """An ephemeral event. Types that the schema does not show are dropped."""
        if has_graphql_type(event):
            for stream in tuple(self.streams.values()):
                stream.announce_ephemeral(event)

    def on_hole(self, seq: int) -> None:
        """The log lacks the events up to `seq`: operations of non-members end, the others get a FeedReset."""
        self.memory.skip_to(seq)
        for stream in tuple(self.streams.values()):
            stream.clear()
        for attachment in self.attachments():
            if self.is_member(attachment.viewer_id):
                attachment.resume()
            else:
                attachment.end_now()

    def attachments(self) -> list[Attachment]:
        """The attachments of all streams."""
        return [attachment for stream in self.streams.values() for attachment in stream.attachments]

    def _end_operations(self, departure: MemberLeft) -> None:
        for attachment in self.attachments():
            if attachment.viewer_id == departure.user.user_id:
                attachment.end_after(departure)
