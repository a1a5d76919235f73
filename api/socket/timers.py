"""The timers of one socket: connection_init in time, keep-alive pings, and the end of its token."""

import asyncio
import contextvars
import math
import random
from datetime import UTC, datetime
from typing import Protocol

MAX_UNANSWERED_PINGS = 2

# A timer holds a context. One made for each timer would be another 64 bytes a socket, and keep alive what it refers to.
_CONTEXT = contextvars.Context()


class TimerEvents(Protocol):
    """Receives the events of a socket's timers. Each call may stop the timers."""

    def on_init_timeout(self) -> None:
        """The time for the initialisation is over."""

    def on_ping_due(self) -> None:
        """A keep-alive ping is due."""

    def on_unresponsive(self) -> None:
        """MAX_UNANSWERED_PINGS pings in a row met silence."""

    def on_token_expiring(self, expires_at: datetime) -> None:
        """The token ends soon."""

    def on_token_expired(self) -> None:
        """The token has ended."""


class SocketTimers:
    """Calls a socket's TimerEvents when they are due.

    One loop timer serves all of them: it is set for the earliest event and only moved to earlier times, so an event
    that was put off is noticed when the timer fires. A loop timer for each event, some cancelled and left to the loop,
    took 1.5 kB a socket.
    """

    __slots__ = (
        "_events",
        "_expires_at",
        "_expiry_announced",
        "_init_deadline",
        "_keep_alive_seconds",
        "_loop",
        "_next_ping",
        "_notice_seconds",
        "_timer",
        "_unanswered",
    )

    def __init__(
        self,
        events: TimerEvents,
        keep_alive_seconds: float,
        notice_seconds: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._events = events
        self._keep_alive_seconds = keep_alive_seconds
        self._notice_seconds = notice_seconds
        self._loop = loop
        self._init_deadline = math.inf
        self._next_ping = math.inf
        self._unanswered = 0
        self._expires_at: datetime | None = None
        self._expiry_announced = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin the pings. The first comes early by a random part, so that sockets opened together spread out."""
        early = random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
        self._next_ping = self._loop.time() + self._keep_alive_seconds * early
        self._schedule()

    def set_init_timeout(self, seconds: float | None) -> None:
        """Allow the next step of the initialisation this long from now; None when it is done."""
        self._init_deadline = math.inf if seconds is None else self._loop.time() + seconds
        self._schedule()

    def on_frame_received(self) -> None:
        """The client has sent something, so it is alive."""
        self._unanswered = 0

    def set_token_expiry(self, expires_at: datetime) -> None:
        """The token ends at this moment (UTC), and is announced `notice_seconds` before."""
        self._expires_at = expires_at
        self._expiry_announced = False
        self._schedule()

    def stop(self) -> None:
        """Cancel everything."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next_ping = self._init_deadline = math.inf
        self._expires_at = None

    def _schedule(self) -> None:
        due = min(self._init_deadline, self._next_ping, self._loop.time() + self._seconds_to_token_event())
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = None if due == math.inf else self._loop.call_at(due, self._on_timer, context=_CONTEXT)

    def _seconds_to_token_event(self) -> float:
        """Until the token's end is to be announced or, once it is, until that end; by the wall clock, as tokens are."""
        if self._expires_at is None:
            return math.inf
        left = (self._expires_at - datetime.now(UTC)).total_seconds()
        return left if self._expiry_announced else left - self._notice_seconds

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._init_deadline <= now:
            self._init_deadline = math.inf
            self._events.on_init_timeout()
        if self._next_ping <= now:
            self._ping(now)
        if self._seconds_to_token_event() <= 0:
            self._announce_or_expire()
        self._schedule()

    def _ping(self, now: float) -> None:
        if self._unanswered >= MAX_UNANSWERED_PINGS:
            self._events.on_unresponsive()
            return
        self._unanswered += 1
        self._next_ping = now + self._keep_alive_seconds
        self._events.on_ping_due()

    def _announce_or_expire(self) -> None:
        assert self._expires_at is not None
        if not self._expiry_announced:
            self._expiry_announced = True
            if self._seconds_to_token_event() > 0:
                self._events.on_token_expiring(self._expires_at)
        elif self._seconds_to_token_event() <= 0:
            self._events.on_token_expired()
