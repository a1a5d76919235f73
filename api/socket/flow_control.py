"""Flow control of one socket: how much the client owes, when its feeds wait, and when its time is up.

ASGI servers hide their write buffers, and a kernel takes megabytes for a client that reads nothing. So bytes are
counted from the last answered ping: whoever answers a ping has read all that was sent before it. Pongs are counted
in order, whatever they carry, since a client need not echo a payload (graphql-transport-ws, «Pong»).
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from api.socket.frames import PING
from api.socket.interfaces import FrameWriter
from api.socket.limits import SocketLimits

# A window of small frames takes tens of milliseconds to write. After so many frames the socket's feeds wait for a turn
# of the loop, so that no other socket waits longer than a few. It is not counted by time: nothing is for one frame.
BURST_FRAMES = 128


class Waiter(Protocol):
    """An operation that holds something back until the outbox opens."""

    def reopened(self) -> None:
        """Go on; asking `open` and finding it False queues the waiter again."""


class Outbox:
    """All that leaves one socket. `on_slow` is called once, when the client's time or the bound is over."""

    __slots__ = (
        "_acked",
        "_burst",
        "_ending",
        "_held",
        "_limits",
        "_loop",
        "_on_slow",
        "_ping_at",
        "_pings",
        "_sent",
        "_slow_timer",
        "_stopped",
        "_waiting",
        "_wake_scheduled",
        "_writer",
    )

    def __init__(
        self,
        writer: FrameWriter,
        limits: SocketLimits,
        on_slow: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._writer = writer
        self._limits = limits
        self._on_slow = on_slow
        self._loop = loop
        self._sent = 0
        self._acked = 0
        self._burst = 0
        self._ping_at = limits.flow_ping_bytes
        self._pings: list[int] = []
        self._held = 0
        self._waiting: dict[Waiter, None] = {}
        self._wake_scheduled = False
        self._slow_timer: asyncio.TimerHandle | None = None
        self._ending = False
        self._stopped = False
        writer.on_drained(self._moved)

    @property
    def owed(self) -> int:
        """Bytes sent since the last answered ping."""
        return self._sent - self._acked

    @property
    def open(self) -> bool:
        """Whether feeds may write durable payloads now."""
        return self._burst < BURST_FRAMES and self._in_window

    @property
    def _in_window(self) -> bool:
        window = self._limits.send_window_bytes
        return self._sent - self._acked <= window and self._writer.backlog <= window

    def send(self, text: str, size: int) -> None:
        """Send a frame of `size` bytes. It always goes out, in order, unless the hard bound ends the socket."""
        if self._stopped:
            return
        bound = self._limits.max_unsent_bytes
        if (self._sent - self._acked > bound or self._writer.backlog > bound) and not self._ending:
            self._give_up()
            return
        self._sent += size
        self._writer.send_text(text)
        if self._sent >= self._ping_at:
            self.ping(PING)
        self._burst += 1
        if self._burst == BURST_FRAMES:
            self._loop.call_soon(self._end_burst)
        if self._slow_timer is None and not self._in_window:
            self._start_slow_timer()

    def ping(self, text: str) -> None:
        """Send a ping; its pong says that all before it was read."""
        if self._stopped:
            return
        self._sent += len(text)
        self._writer.send_text(text)
        self._pings.append(self._sent)
        self._ping_at = self._sent + self._limits.flow_ping_bytes

    def pong(self) -> bool:
        """Count a pong towards the oldest unanswered ping; False when none was owed."""
        if not self._pings:
            return False
        self._acked = self._pings.pop(0)
        # Each answered ping is progress, and buys the same time again.
        self._moved()
        return True

    def wait(self, waiter: Waiter) -> None:
        """Have `waiter.reopened()` called when the outbox opens, after those that already wait."""
        if not self._stopped:
            self._waiting[waiter] = None

    def forget(self, waiter: Waiter) -> None:
        """The waiter has ended."""
        self._waiting.pop(waiter, None)

    def hold(self, size: int) -> None:
        """Count `size` more bytes (less, when negative) that operations keep until the outbox opens."""
        self._held += size
        if self._held > self._limits.send_window_bytes:
            self._give_up()

    def stop(self) -> None:
        """The socket is closed: send nothing more and hold no timer."""
        self._stopped = True
        self._waiting.clear()
        self._stop_slow_timer()

    def _end_burst(self) -> None:
        self._burst = 0
        self._maybe_wake()

    def _moved(self) -> None:
        if self._slow_timer is not None:
            self._stop_slow_timer()
            if not self._in_window:
                self._start_slow_timer()
        self._maybe_wake()

    def _start_slow_timer(self) -> None:
        self._slow_timer = self._loop.call_later(self._limits.slow_consumer_seconds, self._give_up)

    def _stop_slow_timer(self) -> None:
        if self._slow_timer is not None:
            self._slow_timer.cancel()
            self._slow_timer = None

    def _maybe_wake(self) -> None:
        if self._waiting and not self._wake_scheduled and not self._stopped and self.open:
            self._wake_scheduled = True
            self._loop.call_soon(self._wake_next)

    def _wake_next(self) -> None:
        # One waiter a turn of the loop: other sockets come in between, and the operations of this one go round robin,
        # for one that fills the window again queues up behind the others.
        self._wake_scheduled = False
        if self._stopped or not self._waiting or not self.open:
            return
        waiter = next(iter(self._waiting))
        del self._waiting[waiter]
        waiter.reopened()
        self._maybe_wake()

    def _give_up(self) -> None:
        if not self._stopped and not self._ending:
            # What is said of the end itself may still go out; then the socket is closed.
            self._ending = True
            self._on_slow()
            self.stop()
