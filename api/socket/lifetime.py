"""The two clocks of a socket: whether the peer still answers, and how long its token lives."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime

SILENT_ROUNDS = 2


class Heartbeat:
    """Calls `ping` every `seconds`, and `lost` instead once that many pings in a row met silence."""

    __slots__ = ("_loop", "_lost", "_ping", "_seconds", "_timer", "_unanswered")

    def __init__(
        self,
        seconds: float,
        ping: Callable[[], None],
        lost: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._seconds = seconds
        self._ping = ping
        self._lost = lost
        self._loop = loop
        self._unanswered = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin the rounds. The first one is shorter by chance, so that sockets opened together part."""
        first = self._seconds * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
        self._timer = self._loop.call_later(first, self._beat)

    def heard(self) -> None:
        """The peer has sent something."""
        self._unanswered = 0

    def stop(self) -> None:
        """Hold no timer any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        if self._unanswered >= SILENT_ROUNDS:
            self._timer = None
            self._lost()
            return
        self._unanswered += 1
        self._timer = self._loop.call_later(self._seconds, self._beat)
        self._ping()


class TokenLife:
    """Calls `expiring` some seconds before a moment, and `expired` at it. `move` sets another moment."""

    __slots__ = ("_expired", "_expires_at", "_expiring", "_loop", "_notice_seconds", "_timer")

    def __init__(
        self,
        notice_seconds: float,
        expiring: Callable[[datetime], None],
        expired: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._notice_seconds = notice_seconds
        self._expiring = expiring
        self._expired = expired
        self._loop = loop
        self._expires_at = datetime.max.replace(tzinfo=UTC)
        self._timer: asyncio.TimerHandle | None = None

    def move(self, expires_at: datetime) -> None:
        """Live until `expires_at` (UTC)."""
        self.stop()
        self._expires_at = expires_at
        self._timer = self._loop.call_later(max(0.0, self._left() - self._notice_seconds), self._notify)

    def stop(self) -> None:
        """Hold no timer any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _left(self) -> float:
        return (self._expires_at - datetime.now(UTC)).total_seconds()

    def _notify(self) -> None:
        left = self._left()
        self._timer = self._loop.call_later(max(0.0, left), self._end)
        if left > 0:
            self._expiring(self._expires_at)

    def _end(self) -> None:
        # The loop's clock and the wall clock drift apart over an hour, and a token must not die early.
        left = self._left()
        if left > 0:
            self._timer = self._loop.call_later(left, self._end)
            return
        self._timer = None
        self._expired()
