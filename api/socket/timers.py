"""The clock of a socket: when it must be initialised, whether its peer still answers, how long its token lives."""

import asyncio
import contextvars
import math
import random
from datetime import UTC, datetime
from typing import Protocol

SILENT_ROUNDS = 2

# A timer holds a context. One that is made for it would be another 64 bytes a socket, and hold what its maker saw.
_CONTEXT = contextvars.Context()


class TimerEvents(Protocol):
    """Whom the clock tells what time it is. Each call may stop the clock."""

    def uninitialised(self) -> None:
        """The time for the initialisation is over."""

    def beat(self) -> None:
        """A heartbeat is due."""

    def silent(self) -> None:
        """That many heartbeats in a row met silence."""

    def expiring(self, expires_at: datetime) -> None:
        """The token ends soon."""

    def expired(self) -> None:
        """The token has ended."""


class SocketTimers:
    """Tells one socket of all that is due to it.

    It has one timer, for what comes first, and moves it only forward: a time that is put off is seen when the timer
    wakes. A timer for each, some cancelled and left to the loop, took 1.5 kB a socket.
    """

    __slots__ = (
        "_expires_at",
        "_init_ends",
        "_loop",
        "_next_beat",
        "_notice_seconds",
        "_seconds",
        "_socket",
        "_timer",
        "_told",
        "_unanswered",
    )

    def __init__(
        self,
        socket: TimerEvents,
        keep_alive_seconds: float,
        notice_seconds: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._socket = socket
        self._seconds = keep_alive_seconds
        self._notice_seconds = notice_seconds
        self._loop = loop
        self._init_ends = math.inf
        self._next_beat = math.inf
        self._unanswered = 0
        self._expires_at: datetime | None = None
        self._told = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin the heartbeats. The first one is early by chance, so that sockets opened together part."""
        early = random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
        self._next_beat = self._loop.time() + self._seconds * early
        self._arm()

    def await_initialisation(self, seconds: float | None) -> None:
        """From now on it may take this long; None when it is done."""
        self._init_ends = math.inf if seconds is None else self._loop.time() + seconds
        self._arm()

    def heard(self) -> None:
        """The peer has sent something."""
        self._unanswered = 0

    def live_until(self, expires_at: datetime) -> None:
        """The token ends at this moment (UTC). It is announced `notice_seconds` before."""
        self._expires_at = expires_at
        self._told = False
        self._arm()

    def stop(self) -> None:
        """Hold no timer any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next_beat = self._init_ends = math.inf
        self._expires_at = None

    def _arm(self) -> None:
        due = min(self._init_ends, self._next_beat, self._loop.time() + self._token_seconds())
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = None if due == math.inf else self._loop.call_at(due, self._wake, context=_CONTEXT)

    def _token_seconds(self) -> float:
        """Until the token is to be announced or, when it has been, ends; by the wall clock, as tokens are."""
        if self._expires_at is None:
            return math.inf
        left = (self._expires_at - datetime.now(UTC)).total_seconds()
        return left if self._told else left - self._notice_seconds

    def _wake(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._init_ends <= now:
            self._init_ends = math.inf
            self._socket.uninitialised()
        if self._next_beat <= now:
            self._beat(now)
        if self._token_seconds() <= 0:
            self._tell()
        self._arm()

    def _beat(self, now: float) -> None:
        if self._unanswered >= SILENT_ROUNDS:
            self._socket.silent()
            return
        self._unanswered += 1
        self._next_beat = now + self._seconds
        self._socket.beat()

    def _tell(self) -> None:
        assert self._expires_at is not None
        if not self._told:
            self._told = True
            if self._token_seconds() > 0:
                self._socket.expiring(self._expires_at)
        elif self._token_seconds() <= 0:
            self._socket.expired()
