"""Driving a subject: as fast as it can (a bounded number of events under way), or at a rate that it holds easily."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.population import Chat
from bench.publisher import LayerPublisher, RedisPublisher
from bench.quantities import quantiles_ms
from bench.servers import Server
from bench.sockets import Ledger

_PAUSE_SECONDS = 0.001
_STALL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What one load brought: deliveries per second, their ages, what is missing, and how busy both sides were."""

    rate: float
    p50_ms: float
    p99_ms: float
    expected: int
    received: int
    disorders: int
    server_cpu: float
    driver_cpu: float

    @property
    def lost(self) -> int:
        """Deliveries that never came."""
        return self.expected - self.received


class Load:
    """Publishes to `chats` in turn, each of which has `listeners` sockets that write into the ledger."""

    def __init__(
        self,
        clock: "Clock",
        publisher: RedisPublisher | LayerPublisher,
        chats: Sequence[Chat],
        listeners: int,
    ) -> None:
        self._clock = clock
        self._publisher = publisher
        self._chats = chats
        self._listeners = listeners
        self._published = 0

    async def saturate(self, seconds: float, window: int) -> Measured:
        """Keep `window` events under way for a time; an event's way ends with its last delivery."""
        return await self._run(seconds, window, None)

    async def pace(self, seconds: float, events_per_second: float) -> Measured:
        """Publish evenly for a time."""
        return await self._run(seconds, None, events_per_second)

    async def _run(self, seconds: float, window: int | None, rate: float | None) -> Measured:
        ledger = self._clock.ledger
        first = self._published
        self._clock.start()
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            published = self._published - first
            due = published + 1 if rate is None else int(elapsed * rate) + 1
            if window is not None:
                due = ledger.received // self._listeners + window
            for _ in range(due - published):
                await self._publish_next()
            await asyncio.sleep(_PAUSE_SECONDS)
            if window is not None and time.monotonic() - max(began, ledger.last_at / 1e9) > _STALL_SECONDS:
                break  # what is under way was lost
        expected = (self._published - first) * self._listeners
        await self._clock.settle(expected)
        return self._clock.measured(expected)

    async def _publish_next(self) -> None:
        turn, place = divmod(self._published, len(self._chats))
        self._published += 1
        await self._publisher.publish(self._chats[place], turn)


class Clock:
    """Wall time and processor times of one experiment, over the servers that take part and the driver."""

    def __init__(self, ledger: Ledger, *servers: Server) -> None:
        self.ledger = ledger
        self._servers = servers
        self.start()

    def start(self) -> None:
        """Begin anew, with an empty ledger."""
        self.ledger.clear()
        self._server_began = self._server_seconds()
        self._driver_began = time.process_time()
        self._began = time.monotonic()

    async def settle(self, expected: int) -> None:
        """Return when all deliveries have come, or when none has for a while."""
        progress, since = self.ledger.received, time.monotonic()
        while self.ledger.received < expected and time.monotonic() - since < _STALL_SECONDS:
            await asyncio.sleep(_PAUSE_SECONDS)
            if self.ledger.received != progress:
                progress, since = self.ledger.received, time.monotonic()

    def measured(self, expected: int) -> Measured:
        """What the ledger holds, as of its last delivery."""
        wall = max(self.ledger.last_at / 1e9 - self._began, 1e-9)
        whole = time.monotonic() - self._began
        p50, p99 = quantiles_ms(self.ledger.ages)
        return Measured(
            rate=self.ledger.received / wall,
            p50_ms=p50,
            p99_ms=p99,
            expected=expected,
            received=self.ledger.received,
            disorders=self.ledger.disorders,
            server_cpu=(self._server_seconds() - self._server_began) / whole,
            driver_cpu=(time.process_time() - self._driver_began) / whole,
        )

    def _server_seconds(self) -> float:
        return sum(server.cpu_seconds() for server in self._servers)
