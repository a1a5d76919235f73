"""One chat as this process follows it: its buffer, its members, its listeners, and the healing of its gaps."""

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
    """The feed was dropped: it goes no further. The hub has or makes another."""


class ChatListener(Protocol):
    """Who follows a chat. The calls are synchronous, in order, and on the loop's thread."""

    def on_events(self, events: Sequence[DurableEvent]) -> None:
        """The next durable events, none left out."""

    def on_ephemeral(self, event: EphemeralEvent) -> None:
        """Something that is true now and not kept."""

    def on_hole(self, seq: int) -> None:
        """The log no longer has what came before `seq`; the feed goes on after it, with the members of that moment."""


class ChatFeed:
    """The feed of one chat. `hub.py` makes it, joins its group and drops it."""

    def __init__(
        self,
        chat_id: int,
        read_gap: ReadGap,
        read_state: ReadState,
        budget: MemoryBudget,
        on_joined: Callable[[int], None] = lambda _user_id: None,
    ) -> None:
        self.chat_id = chat_id
        self.lock = asyncio.Lock()
        self.listeners: set[ChatListener] = set()
        self.joined_seqs: dict[int, int] = {}
        self.history_from_join = False
        self.horizon_seq = 1
        self._buffer: ReorderingBuffer | None = None
        self._early = EarlyEvents(settings.FEED_HELD_EVENTS, budget)
        self._moved = asyncio.Event()
        self._is_closed = False
        self._read_gap = read_gap
        self._read_state = read_state
        self._on_joined = on_joined
        self._healing: asyncio.Task[None] | None = None

    @property
    def is_standing(self) -> bool:
        """Whether the feed knows where it is."""
        return self._buffer is not None

    @property
    def last_seq(self) -> int:
        """The seq of the last event that was handed on."""
        assert self._buffer is not None
        return self._buffer.last

    def first_readable_seq(self, user_id: int) -> int | None:
        """From which seq on this person may read here; None if they are not a member at `last_seq`."""
        joined_seq = self.joined_seqs.get(user_id)
        if joined_seq is None:
            return None
        return joined_seq if self.history_from_join else 1

    def stand(self, state: FeedState) -> None:
        """Begin at `state`; what arrived before it was read is sorted in."""
        self._buffer = ReorderingBuffer(state.last_seq, self._early)
        self._buffer.expect(self._early.newest)
        self._learn_members(state)
        self.take(())

    def take(self, events: Iterable[DurableEvent | EphemeralEvent]) -> None:
        """Events as the layer brought them.

        One that is not kept waits for nothing: while an event before it is missing, which may be somebody's leaving, it
        is told to nobody.
        """
        durable: list[DurableEvent] = []
        for event in events:
            if isinstance(event, DurableEvent):
                durable.append(event)
                continue
            self._take_durable(durable)
            durable = []
            if self._buffer is not None and not self._buffer.is_behind:
                self._tell(lambda listener, event=event: listener.on_ephemeral(event))  # type: ignore[misc]
        self._take_durable(durable)

    def _take_durable(self, events: Iterable[DurableEvent]) -> None:
        if self._buffer is None:
            for event in events:
                self._early.add(event)
            return
        self._hand_on(self._buffer.offer(events))
        self._heal_if_behind()

    def learn(self, last_seq: int) -> None:
        """The database says that the chat has got as far as `last_seq`."""
        if self._buffer is not None:
            self._buffer.expect(last_seq)
            self._heal_if_behind()

    async def reach(self, seq: int) -> None:
        """Wait until all up to `seq`, which the database has, has been handed on. Raises FeedClosed."""
        self.learn(seq)
        while self.last_seq < seq:
            if self._is_closed:
                raise FeedClosed
            self._moved.clear()
            await self._moved.wait()

    def close(self) -> None:
        """Stop healing, and let go who waits. The feed is not used afterwards."""
        self._is_closed = True
        self._moved.set()
        self._early.clear()
        if self._healing is not None:
            self._healing.cancel()

    def _learn_members(self, state: FeedState) -> None:
        self.joined_seqs = dict(state.joined_seqs)
        self.history_from_join = state.history_from_join
        self.horizon_seq = state.horizon_seq

    def _hand_on(self, events: Sequence[DurableEvent]) -> None:
        if not events:
            return
        joined = []
        for event in events:
            if isinstance(event, MemberJoined):
                self.joined_seqs[event.member.user.user_id] = event.seq
                joined.append(event.member.user.user_id)
            elif isinstance(event, MemberLeft):
                self.joined_seqs.pop(event.user.user_id, None)
        self._tell(lambda listener: listener.on_events(events))
        self._moved.set()
        for user_id in joined:
            self._on_joined(user_id)

    def _tell(self, call: Callable[[ChatListener], None]) -> None:
        for listener in tuple(self.listeners):
            try:
                call(listener)
            except Exception:
                logger.exception("A listener of chat %d failed", self.chat_id)

    def _heal_if_behind(self) -> None:
        assert self._buffer is not None
        if self._buffer.is_behind and not self._is_closed and (self._healing is None or self._healing.done()):
            self._healing = asyncio.get_running_loop().create_task(self._heal(self._buffer), name="heal")

    async def _heal(self, buffer: ReorderingBuffer) -> None:
        """Give the missing events a moment to arrive by themselves, then read them from the log."""
        await asyncio.sleep(settings.FEED_GAP_WAIT_MS / 1000)
        while (gap := buffer.gap) is not None:
            try:
                await self._fill(buffer, *gap)
            except (DatabaseError, OSError):
                logger.warning(
                    "Chat %d: the log cannot be read now; trying again", self.chat_id, exc_info=True
                )
                await asyncio.sleep(settings.FEED_RETRY_SECONDS)
            except Exception:
                logger.exception("Chat %d: the log was not understood; trying again", self.chat_id)
                await asyncio.sleep(settings.FEED_RETRY_SECONDS)

    async def _fill(self, buffer: ReorderingBuffer, first: int, last: int) -> None:
        last = min(last, first + settings.FEED_LOG_PAGE - 1)
        events = await self._read_gap(self.chat_id, first, last)
        missing = buffer.last + 1
        if missing <= last and (not events or events[0].seq > missing):
            await self._leap(buffer)
        else:
            self._hand_on(buffer.offer(events))

    async def _leap(self, buffer: ReorderingBuffer) -> None:
        """Begin anew where the chat is now: with events lost, so may be word of who has left."""
        state = await self._read_state(self.chat_id)
        lost = buffer.last + 1
        seq = max(buffer.newest if state is None else state.last_seq, buffer.last)
        logger.error("Chat %d: the log lacks seq %d; going on after %d", self.chat_id, lost, seq)
        buffer.leap(seq)
        if state is None:
            self.joined_seqs = {}
        else:
            self._learn_members(state)
        self._tell(lambda listener: listener.on_hole(seq))
        self._hand_on(buffer.offer(()))
        self._moved.set()
