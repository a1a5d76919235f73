"""One chat's feed in this process: orders its events, fills their gaps from the log, and notifies its listeners."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from django.conf import settings
from django.db import Error as DatabaseError

from chats.events import DurableEvent, EphemeralEvent, MemberJoined, MemberLeft
from chats.feeds.early_events import EarlyEvents
from chats.feeds.feed_state import FeedState
from chats.feeds.reordering_buffer import ReorderingBuffer
from foundation.memory_budget import MemoryBudget

logger = logging.getLogger(__name__)

ReadGap = Callable[[int, int, int], Awaitable[Sequence[DurableEvent]]]
ReadState = Callable[[int], Awaitable[FeedState | None]]


class FeedClosed(Exception):  # noqa: N818 - what happened to it
    """The feed was closed and delivers nothing more. The hub has another feed of the chat, or makes one."""


class ChatListener(Protocol):
    """Gets a chat's events. The calls are synchronous, in order, and on the loop's thread."""

    def on_events(self, events: Sequence[DurableEvent]) -> None:
        """The next durable events, none left out."""

    def on_ephemeral(self, event: EphemeralEvent) -> None:
        """An event that the log does not have."""

    def on_hole(self, seq: int) -> None:
        """The log lacks events up to `seq`; the feed goes on after it, with the members of that moment."""


class ChatFeed:
    """The feed of one chat. `hub.py` makes it, joins its group and closes it."""

    def __init__(
        self,
        chat_id: int,
        read_gap: ReadGap,
        read_state: ReadState,
        budget: MemoryBudget,
        on_joined: Callable[[int], None],
    ) -> None:
        self.chat_id = chat_id
        self.lock = asyncio.Lock()
        self.listeners: set[ChatListener] = set()
        self.joined_seqs: dict[int, int] = {}
        self.history_from_join = False
        self.horizon_seq = 1
        self._buffer: ReorderingBuffer | None = None
        self._early = EarlyEvents(settings.FEED_HELD_EVENTS, budget)
        self._advanced = asyncio.Event()
        self._is_closed = False
        self._read_gap = read_gap
        self._read_state = read_state
        self._on_joined = on_joined
        self._gap_filler: asyncio.Task[None] | None = None

    @property
    def is_started(self) -> bool:
        """Whether the feed knows its `last_seq` and members."""
        return self._buffer is not None

    @property
    def last_seq(self) -> int:
        """The seq of the last event that was delivered."""
        assert self._buffer is not None
        return self._buffer.last_seq

    def first_readable_seq(self, user_id: int) -> int | None:
        """The first seq that this person may read here; None for a non-member at `last_seq`."""
        joined_seq = self.joined_seqs.get(user_id)
        if joined_seq is None:
            return None
        return joined_seq if self.history_from_join else 1

    def start(self, state: FeedState) -> None:
        """Begin at `state`, and deliver the events after it that arrived while it was read."""
        self._buffer = ReorderingBuffer(state.last_seq, self._early)
        self._buffer.expect(self._early.newest_seq)
        self._set_members(state)
        self.on_layer_events(())

    def on_layer_events(self, events: Iterable[DurableEvent | EphemeralEvent]) -> None:
        """Deliver events as the layer brought them, the durable ones in order.

        An ephemeral event never waits: while a durable event before it is missing, which may be a member's leaving, it
        is dropped.
        """
        durable: list[DurableEvent] = []
        for event in events:
            if isinstance(event, DurableEvent):
                durable.append(event)
                continue
            self._add_durable(durable)
            durable = []
            if self._buffer is not None and not self._buffer.is_behind:
                self._notify_listeners(lambda listener, event=event: listener.on_ephemeral(event))  # type: ignore[misc]
        self._add_durable(durable)

    def _add_durable(self, events: Iterable[DurableEvent]) -> None:
        if self._buffer is None:
            for event in events:
                self._early.add(event)
            return
        self._deliver(self._buffer.offer(events))
        self._fill_gaps_if_behind()

    def expect(self, last_seq: int) -> None:
        """The database has events up to `last_seq`: read from the log what does not arrive."""
        if self._buffer is not None:
            self._buffer.expect(last_seq)
            self._fill_gaps_if_behind()

    async def catch_up_to(self, seq: int) -> None:
        """Wait until all events up to `seq`, which the database has, were delivered. Raises FeedClosed."""
        self.expect(seq)
        while self.last_seq < seq:
            if self._is_closed:
                raise FeedClosed
            self._advanced.clear()
            await self._advanced.wait()

    def close(self) -> None:
        """Stop filling gaps, and end `catch_up_to`. The feed is not used afterwards."""
        self._is_closed = True
        self._advanced.set()
        self._early.clear()
        if self._gap_filler is not None:
            self._gap_filler.cancel()

    def _set_members(self, state: FeedState) -> None:
        self.joined_seqs = dict(state.joined_seqs)
        self.history_from_join = state.history_from_join
        self.horizon_seq = state.horizon_seq

    def _deliver(self, events: Sequence[DurableEvent]) -> None:
        if not events:
            return
        joined = []
        for event in events:
            if isinstance(event, MemberJoined):
                self.joined_seqs[event.member.user.user_id] = event.seq
                joined.append(event.member.user.user_id)
            elif isinstance(event, MemberLeft):
                self.joined_seqs.pop(event.user.user_id, None)
        self._notify_listeners(lambda listener: listener.on_events(events))
        self._advanced.set()
        for user_id in joined:
            self._on_joined(user_id)

    def _notify_listeners(self, call: Callable[[ChatListener], None]) -> None:
        for listener in tuple(self.listeners):
            try:
                call(listener)
            except Exception:
                logger.exception("A listener of chat %d failed", self.chat_id)

    def _fill_gaps_if_behind(self) -> None:
        assert self._buffer is not None
        is_filling = self._gap_filler is not None and not self._gap_filler.done()
        if self._buffer.is_behind and not self._is_closed and not is_filling:
            self._gap_filler = asyncio.get_running_loop().create_task(
                self._fill_gaps(self._buffer), name="fill gaps"
            )

    async def _fill_gaps(self, buffer: ReorderingBuffer) -> None:
        """Give the missing events a moment to arrive by themselves, then read them from the log."""
        await asyncio.sleep(settings.FEED_GAP_WAIT_MS / 1000)
        while (gap := buffer.gap) is not None:
            try:
                await self._fill_page(buffer, *gap)
            except (DatabaseError, OSError):
                logger.warning("Chat %d: the log cannot be read; trying again", self.chat_id, exc_info=True)
                await asyncio.sleep(settings.FEED_RETRY_SECONDS)
            except Exception:
                logger.exception("Chat %d: filling a gap from the log failed; trying again", self.chat_id)
                await asyncio.sleep(settings.FEED_RETRY_SECONDS)

    async def _fill_page(self, buffer: ReorderingBuffer, first: int, last: int) -> None:
        last = min(last, first + settings.FEED_LOG_PAGE - 1)
        events = await self._read_gap(self.chat_id, first, last)
        missing = buffer.last_seq + 1
        if missing <= last and (not events or events[0].seq > missing):
            await self._skip_hole(buffer)
        else:
            self._deliver(buffer.offer(events))

    async def _skip_hole(self, buffer: ReorderingBuffer) -> None:
        """Restart at the chat's current state: the lost events may have included a member's leaving."""
        state = await self._read_state(self.chat_id)
        lost = buffer.last_seq + 1
        seq = max(buffer.newest_seq if state is None else state.last_seq, buffer.last_seq)
        logger.error("Chat %d: the log lacks seq %d; the feed goes on after %d", self.chat_id, lost, seq)
        buffer.skip_to(seq)
        if state is None:
            self.joined_seqs = {}
        else:
            self._set_members(state)
        self._notify_listeners(lambda listener: listener.on_hole(seq))
        self._deliver(buffer.offer(()))
        self._advanced.set()
