"""Flow control of one socket: how much the client owes, when its feeds wait, and when it is closed.

ASGI servers hide their write buffers, and a kernel takes megabytes for a client that reads nothing. So the outbox
counts the bytes since the last answered ping: a client that answers a ping has read all that was sent before it. Pongs
count in order, whatever they carry, since a client need not echo a payload (graphql-transport-ws, «Pong»).
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from api.socket.frames import PING
from api.socket.interfaces import FrameWriter
from api.socket.limits import SocketLimits

# A window of small frames takes tens of milliseconds to write. After this many frames the socket's feeds wait for a
# turn of the loop, so that no other socket waits longer than a few. Counted in frames, because a clock would cost each
# frame.
BURST_FRAMES = 128


class OutboxWaiter(Protocol):
    """An operation that withholds something until the outbox opens."""

    def on_outbox_open(self) -> None:
        """Go on; reading `open` and finding it False queues the waiter again."""


class Outbox:
    """Sends all frames of one socket. Calls `on_slow` once, when the client is too slow or owes too much."""

    __slots__ = (
        "_acknowledged",
        "_burst",
        "_ending",
        "_limits",
        "_loop",
        "_on_slow",
        "_ping_at",
        "_pings",
        "_sent",
        "_slow_timer",
        "_stopped",
        "_waiters",
        "_wake_scheduled",
        "_withheld",
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
        # Bytes since the socket was opened: sent, and sent before the last answered ping.
        self._sent = 0
        self._acknowledged = 0
        self._burst = 0
        # The count of sent bytes at which the next ping goes out, and the counts at the unanswered ones.
        self._ping_at = limits.flow_ping_bytes
        self._pings: list[int] = []
        self._withheld = 0
        self._waiters: dict[OutboxWaiter, None] = {}
        self._wake_scheduled = False
        self._slow_timer: asyncio.TimerHandle | None = None
        self._ending = False
        self._stopped = False
        writer.on_drained(self._on_progress)

    @property
    def open(self) -> bool:
        """Whether feeds may write durable payloads now."""
        return self._burst < BURST_FRAMES and self._in_window

    @property
    def _in_window(self) -> bool:
        window = self._limits.send_window_bytes
        return self._sent - self._acknowledged <= window and self._writer.backlog <= window

    def send(self, text: str, size: int) -> None:
        """Send a frame of `size` bytes. Every frame goes out, in order, unless MAX_UNSENT_BYTES ends the socket."""
        if self._stopped:
            return
        limit = self._limits.max_unsent_bytes
        if (self._sent - self._acknowledged > limit or self._writer.backlog > limit) and not self._ending:
            self._end_slow_client()
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
        """Send a ping; its pong acknowledges all frames before it."""
        if self._stopped:
            return
        self._sent += len(text)
        self._writer.send_text(text)
        self._pings.append(self._sent)
        self._ping_at = self._sent + self._limits.flow_ping_bytes

    def pong(self) -> bool:
        """Count a pong as the answer to the oldest unanswered ping; False when there is none."""
        if not self._pings:
            return False
        self._acknowledged = self._pings.pop(0)
        # Each answered ping is progress, and buys the same time again.
        self._on_progress()
        return True

    def add_waiter(self, waiter: OutboxWaiter) -> None:
        """Have `waiter.on_outbox_open()` called when the outbox opens, after the waiters before it."""
        if not self._stopped:
            self._waiters[waiter] = None

    def remove_waiter(self, waiter: OutboxWaiter) -> None:
        """Stop calling the waiter."""
        self._waiters.pop(waiter, None)

    def add_withheld(self, size: int) -> None:
        """Count `size` more bytes (fewer, when negative) that operations withhold until the outbox opens."""
        self._withheld += size
        if self._withheld > self._limits.send_window_bytes:
            self._end_slow_client()

    def stop(self) -> None:
        """The socket is closed: send nothing more and cancel the timer."""
        self._stopped = True
        self._waiters.clear()
        self._stop_slow_timer()

    def _end_burst(self) -> None:
        self._burst = 0
        self._schedule_wake()

    def _on_progress(self) -> None:
        if self._slow_timer is not None:
            self._stop_slow_timer()
            if not self._in_window:
                self._start_slow_timer()
        self._schedule_wake()

    def _start_slow_timer(self) -> None:
        self._slow_timer = self._loop.call_later(self._limits.slow_consumer_seconds, self._end_slow_client)

    def _stop_slow_timer(self) -> None:
        if self._slow_timer is not None:
            self._slow_timer.cancel()
            self._slow_timer = None

    def _schedule_wake(self) -> None:
        if self._waiters and not self._wake_scheduled and not self._stopped and self.open:
            self._wake_scheduled = True
            self._loop.call_soon(self._wake_next)

    def _wake_next(self) -> None:
        # One waiter a turn of the loop: other sockets run in between, and the operations of this one go round robin,
        # since one that fills the window again queues up behind the others.
        self._wake_scheduled = False
        if self._stopped or not self._waiters or not self.open:
            return
        waiter = next(iter(self._waiters))
        del self._waiters[waiter]
        waiter.on_outbox_open()
        self._schedule_wake()

    def _end_slow_client(self) -> None:
        if not self._stopped and not self._ending:
            # Frames that announce the end may still go out; then the socket is closed.
            self._ending = True
            self._on_slow()
            self.stop()
