"""One subscription of a chat: where it is in the sequence, and how it gets on from there."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings

from chats.events import MemberLeft
from schema.errors import FormattedError
from schema.live.compiling.event_objects import FeedEvent
from schema.live.outlet import Outlet

if TYPE_CHECKING:
    from schema.live.delivery.stream import Stream


class Attachment:
    """A LiveOperation on a chat's stream.

    `cursor` is the seq of the last event given to the outlet. While the outlet is open and the stream's payloads are
    at hand, events are passed on in the same step that brought them. Otherwise a task catches up, and then lets go.
    """

    __slots__ = ("_end", "_prelude", "_stopped", "_stream", "_task", "cursor", "outlet", "viewer_id")

    def __init__(
        self, stream: "Stream", viewer_id: int, outlet: Outlet, cursor: int, prelude: Sequence[FeedEvent]
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
        """The stream's newest payload: pass it on if this is all that is missing, else catch up."""
        if self.cursor != seq - 1 or self._task is not None or self._prelude or self._stopped:
            self.resume()
        elif self.outlet.open:
            self.cursor = seq
            self.outlet.next(payload)

    def tell(self, key: Hashable, payload: bytes) -> None:
        """Something that is true now: for who has been told that the feed stands, and may still see it."""
        if not (self._prelude or self._stopped or self._end):
            self.outlet.replace(key, payload)

    def resume(self) -> None:
        """Go on, if the outlet is open and there is anything to pass on."""
        if self._stopped or self._task is not None:
            return
        self._deliver_at_hand(settings.REPLAY_EVENTS_PER_TURN)
        if not self._stopped and self.outlet.open and self._has_more:
            self._start(self._catch_up)

    def end_at(self, event: MemberLeft) -> None:
        """The viewer may see nothing after `event`, their own leaving.

        What is in memory up to there is passed on, if the client takes it. What is not is read no more, since it could
        have changed after they left: then they are told of their leaving alone.
        """
        if self._stopped or self._end is not None:
            return
        self._end = event
        if self._task is not None:
            self._task.cancel()
        self._deliver_at_hand(event.seq - self.cursor + len(self._prelude))
        if self._may_write():
            events = self._stream.events_up_to(event, self.cursor)
            self._start(partial(self._take_leave, events))
        else:
            self._complete()

    def stop(self) -> None:
        """The client has completed the operation or is gone."""
        if self._stopped:
            return
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
        self._stream.detach(self)

    def _start(self, work: Callable[[], Awaitable[None]]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._guarded(work), name="catch up")

    def _deliver_at_hand(self, limit: int) -> None:
        """Pass on what can be made in this very step, up to `limit` payloads."""
        for _ in range(limit):
            if self._stopped or not self.outlet.open or not self._has_more:
                break
            if self._prelude:
                payload = self._stream.execute_now(self._prelude[0])
                if payload is None:
                    return
                self._prelude = self._prelude[1:]
            else:
                payload = self._stream.payload_at_hand(self.cursor + 1)
                if payload is None:
                    return
                self.cursor += 1
            self.outlet.next(payload)
        if self._end is not None and self.cursor >= self._end.seq:
            self._complete()

    @property
    def _has_more(self) -> bool:
        last = self._stream.last_seq if self._end is None else self._end.seq
        return bool(self._prelude) or self.cursor < last

    def _may_write(self) -> bool:
        return self.outlet.open and not self._stopped

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.stop_failing(self._stream.describe(error))
        finally:
            if self._task is asyncio.current_task():
                self._task = None

    async def _catch_up(self) -> None:
        since_yield = 0
        while self._may_write() and self._has_more:
            if self._prelude:
                await self._deliver_prelude()
                continue
            seq, payload = await self._stream.payload_after(self.cursor)
            if not self._may_write():
                return  # it closed meanwhile
            self.cursor = seq
            self.outlet.next(payload)
            since_yield += 1
            if since_yield >= settings.REPLAY_EVENTS_PER_TURN:
                since_yield = 0
                await asyncio.sleep(0)

    async def _take_leave(self, events: Sequence[FeedEvent]) -> None:
        for event in (*self._prelude, *events):
            payload = await self._stream.execute(event)
            if not self._may_write():
                break
            if self._stream.is_current(event):  # what has changed since then is not theirs to see
                self.outlet.next(payload)
        self._complete()

    async def _deliver_prelude(self) -> None:
        payload = await self._stream.execute(self._prelude[0])
        if self._may_write():
            self._prelude = self._prelude[1:]
            self.outlet.next(payload)

    def end_now(self) -> None:
        """The viewer may see nothing more, and what ended that is not known any more."""
        if self._task is not None:
            self._task.cancel()
        self._complete()

    def _complete(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        self._stream.detach(self)
        self.outlet.complete()

    def stop_failing(self, errors: list[FormattedError]) -> None:
        """End the operation with errors."""
        if self._stopped:
            return
        self._stopped = True
        self._stream.detach(self)
        self.outlet.fail(errors)
