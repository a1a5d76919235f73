"""One subscription of a chat: where it is in the sequence, and how it gets on from there."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.conf import settings

from schema.errors import FormattedError
from schema.live.outlet import Outlet
from schema.live.present import FeedEvent

if TYPE_CHECKING:
    from schema.live.stream import Stream


class Attachment:
    """A LiveOperation on a chat's stream.

    `cursor` is the seq of the last event given to the outlet. While the outlet is open and the stream's payloads are
    at hand, events are passed on in the same step that brought them. Otherwise a task catches up, and then lets go.
    """

    def __init__(
        self, stream: "Stream", viewer_id: int, outlet: Outlet, cursor: int, prelude: Sequence[FeedEvent]
    ) -> None:
        self.viewer_id = viewer_id
        self.outlet = outlet
        self.cursor = cursor
        self._stream = stream
        self._prelude = deque(prelude)
        self._end: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def accept(self, seq: int, payload: bytes) -> None:
        """The stream's newest payload: pass it on if this is all that is missing, else catch up."""
        if self.cursor == seq - 1 and self._task is None and self.outlet.open:
            self.cursor = seq
            self.outlet.next(payload)
        else:
            self.resume()

    def resume(self) -> None:
        """Go on, if the outlet is open and there is anything to pass on."""
        if self._stopped or self._task is not None:
            return
        self._deliver_at_hand()
        if not self._stopped and self.outlet.open and self._has_more:
            self._task = asyncio.get_running_loop().create_task(self._catch_up(), name="catch up")

    def end_at(self, seq: int) -> None:
        """The viewer may see nothing after `seq`: complete there, or at once if the client is not listening."""
        self._end = seq
        if self._stopped or self._task is not None:
            return
        if self.cursor < seq and self.outlet.open:
            self.resume()
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

    def _deliver_at_hand(self) -> None:
        """Pass on what can be made in this very step, up to a turn's worth."""
        for _ in range(settings.REPLAY_EVENTS_PER_TURN):
            if not self.outlet.open or not self._has_more:
                break
            if self._prelude:
                payload = self._stream.execute_now(self._prelude[0])
                if payload is None:
                    return
                self._prelude.popleft()
            elif self._end is not None and self.cursor >= self._end:
                break
            else:
                payload = self._stream.payload_at_hand(self.cursor + 1)
                if payload is None:
                    return
                self.cursor += 1
            self.outlet.next(payload)
        if self._end is not None and self.cursor >= self._end:
            self._complete()

    @property
    def _has_more(self) -> bool:
        return bool(self._prelude) or self.cursor < self._stream.last_seq

    def _may_write(self) -> bool:
        return self.outlet.open

    async def _catch_up(self) -> None:
        try:
            await self._deliver_all()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.stop_failing(self._stream.describe(error))
        finally:
            self._task = None
        if self._end is not None and not self._stopped and (self.cursor >= self._end or not self.outlet.open):
            self._complete()

    async def _deliver_all(self) -> None:
        since_yield = 0
        while self._may_write() and self._has_more:
            if self._prelude:
                self.outlet.next(await self._stream.execute(self._prelude[0]))
                self._prelude.popleft()
                continue
            if self._end is not None and self.cursor >= self._end:
                return
            seq, payload = await self._stream.payload_after(self.cursor)
            if not self._may_write():
                return  # it closed meanwhile
            self.cursor = seq
            self.outlet.next(payload)
            since_yield += 1
            if since_yield >= settings.REPLAY_EVENTS_PER_TURN:
                since_yield = 0
                await asyncio.sleep(0)

    def _complete(self) -> None:
        self._stopped = True
        self._stream.detach(self)
        self.outlet.complete()

    def stop_failing(self, errors: list[FormattedError]) -> None:
        """End the operation with errors."""
        self._stopped = True
        self._stream.detach(self)
        self.outlet.fail(errors)
