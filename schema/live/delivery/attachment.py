"""One subscription of a chat: its position in the chat's sequence, and what it delivers next."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Protocol

from django.conf import settings

from chats.events import DurableEvent, MemberLeft
from schema.errors import FormattedError, errors_of
from schema.live.compiling.event_objects import FeedEvent
from schema.live.memory.chat_memory import ChatMemory
from schema.live.outlet import Outlet


class PayloadSource(Protocol):
    """The stream that an attachment belongs to, which makes its payloads."""

    @property
    def memory(self) -> ChatMemory:
        """The chat's events."""

    def payload_in_memory(self, seq: int) -> bytes | None:
        """The payload of this seq; None if making it has to wait for something."""

    async def payload_after(self, cursor: int) -> tuple[int, bytes]:
        """The next payload after `cursor`, and the seq that it leads to."""

    def execute_now(self, event: FeedEvent) -> bytes | None:
        """The payload of an event without a seq; None if making it has to wait for something."""

    async def execute(self, event: FeedEvent) -> bytes:
        """The payload of an event, made for this attachment alone."""

    def detach(self, attachment: "Attachment") -> None:
        """The attachment has ended."""


class Attachment:
    """A LiveOperation on a chat's stream.

    `cursor` is the seq of the last event given to the outlet; `prelude` comes before the first one (FeedReady,
    FeedReset). While the outlet is open and the payloads can be made from memory, each event is delivered in the step
    that brought it. Otherwise a task catches up and then ends.
    """

    __slots__ = ("_end", "_prelude", "_stopped", "_stream", "_task", "cursor", "outlet", "viewer_id")

    def __init__(
        self, stream: PayloadSource, viewer_id: int, outlet: Outlet, cursor: int, prelude: Sequence[FeedEvent]
    ) -> None:
        self.viewer_id = viewer_id
        self.outlet = outlet
        self.cursor = cursor
        self._stream = stream
        self._prelude = tuple(prelude)
        self._end: MemberLeft | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def accept(self, seq: int, payload: bytes) -> None:
        """Deliver the stream's newest payload if nothing before it is missing; else catch up."""
        if self.cursor != seq - 1 or self._task is not None or self._prelude or self._stopped:
            self.resume()
        elif self.outlet.open:
            self.cursor = seq
            self.outlet.next(payload)

    def accept_ephemeral(self, key: Hashable, payload: bytes) -> None:
        """Deliver an ephemeral payload, unless FeedReady is still to come or the viewer has left the chat."""
        if not (self._prelude or self._stopped or self._end):
            self.outlet.replace(key, payload)

    def resume(self) -> None:
        """Deliver what is missing, if the outlet is open."""
        if self._stopped or self._task is not None:
            return
        self._deliver_from_memory(settings.REPLAY_EVENTS_PER_TURN)
        if not self._stopped and self.outlet.open and self._has_more:
            self._start_task(self._catch_up)

    def end_after(self, event: MemberLeft) -> None:
        """End the operation with `event`, the viewer's own departure: nothing after it is theirs to see.

        Events before it are delivered if they are in memory and the client takes them. They are not read from the log,
        which may show them as they were changed after the departure: the client then gets the departure alone.
        """
        if self._stopped or self._end is not None:
            return
        self._end = event
        if self._task is not None:
            self._task.cancel()
        self._deliver_from_memory(event.seq - self.cursor + len(self._prelude))
        if self._can_write():
            events = self._stream.memory.up_to(event, self.cursor)
            self._start_task(partial(self._deliver_last_events, events))
        else:
            self._complete()

    def end_now(self) -> None:
        """End the operation at once: the viewer is no longer a member, and the departure's event is lost."""
        if self._task is not None:
            self._task.cancel()
        self._complete()

    def fail(self, errors: list[FormattedError]) -> None:
        """End the operation with errors."""
        if self._stopped:
            return
        self._stopped = True
        self._stream.detach(self)
        self.outlet.fail(errors)

    def stop(self) -> None:
        """The client has completed the operation or is gone."""
        if self._stopped:
            return
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
        self._stream.detach(self)

    def _complete(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        self._stream.detach(self)
        self.outlet.complete()

    def _deliver_from_memory(self, limit: int) -> None:
        """Deliver up to `limit` payloads that can be made in this very step."""
        for _ in range(limit):
            if self._stopped or not self.outlet.open or not self._has_more:
                break
            if self._prelude:
                payload = self._stream.execute_now(self._prelude[0])
                if payload is None:
                    return
                self._prelude = self._prelude[1:]
            else:
                payload = self._stream.payload_in_memory(self.cursor + 1)
                if payload is None:
                    return
                self.cursor += 1
            self.outlet.next(payload)
        if self._end is not None and self.cursor >= self._end.seq:
            self._complete()

    @property
    def _has_more(self) -> bool:
        last = self._stream.memory.last_seq if self._end is None else self._end.seq
        return bool(self._prelude) or self.cursor < last

    def _can_write(self) -> bool:
        return self.outlet.open and not self._stopped

    def _start_task(self, deliver: Callable[[], Awaitable[None]]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(deliver), name="catch up")

    async def _run(self, deliver: Callable[[], Awaitable[None]]) -> None:
        try:
            await deliver()
        except Exception as error:
            self.fail(errors_of(error))
        finally:
            if self._task is asyncio.current_task():
                self._task = None

    async def _catch_up(self) -> None:
        since_yield = 0
        while self._can_write() and self._has_more:
            if self._prelude:
                await self._deliver_prelude()
                continue
            seq, payload = await self._stream.payload_after(self.cursor)
            if not self._can_write():
                return  # the outlet closed in the meantime
            self.cursor = seq
            self.outlet.next(payload)
            since_yield += 1
            if since_yield >= settings.REPLAY_EVENTS_PER_TURN:
                since_yield = 0
                await asyncio.sleep(0)

    async def _deliver_prelude(self) -> None:
        payload = await self._stream.execute(self._prelude[0])
        if self._can_write():
            self._prelude = self._prelude[1:]
            self.outlet.next(payload)

    async def _deliver_last_events(self, events: Sequence[DurableEvent]) -> None:
        for event in (*self._prelude, *events):
            payload = await self._stream.execute(event)
            if not self._can_write():
                break
            # An event whose message was changed after the departure is not theirs to see.
            if not isinstance(event, DurableEvent) or self._stream.memory.is_known_current(event):
                self.outlet.next(payload)
        self._complete()
