"""Publishes events to a program, either as fast as it delivers them or at a fixed rate, and measures the deliveries."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.feed_clients import Deliveries
from bench.percentiles import quantiles_ms
from bench.population import Chat
from bench.publisher import LayerPublisher, RedisPublisher
from bench.servers import Server

_PAUSE_SECONDS = 0.001
_STALL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """The result of one load.

    `rate` is in deliveries per second; `server_cpu` and `driver_cpu` are the processor cores in use.
    """

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
        """The number of expected deliveries that did not arrive."""
        return self.expected - self.received


class Load:
    """Publishes to `chats` in turn; each chat has `listeners` sockets, which record their deliveries."""

    def __init__(
        self,
        stopwatch: "Stopwatch",
        publisher: RedisPublisher | LayerPublisher,
        chats: Sequence[Chat],
        listeners: int,
    ) -> None:
        self._stopwatch = stopwatch
        self._publisher = publisher
        self._chats = chats
        self._listeners = listeners
        self._published = 0

    async def saturate(self, seconds: float, window: int) -> Measurement:
        """Keep `window` events in flight for `seconds`. An event is in flight until its last delivery."""
        return await self._run(seconds, window, None)

    async def pace(self, seconds: float, events_per_second: float) -> Measurement:
        """Publish at an even rate for `seconds`."""
        return await self._run(seconds, None, events_per_second)

    async def _run(self, seconds: float, window: int | None, rate: float | None) -> Measurement:
        deliveries = self._stopwatch.deliveries
        first = self._published
        self._stopwatch.start()
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            published = self._published - first
            due = published + 1 if rate is None else int(elapsed * rate) + 1
            if window is not None:
                due = deliveries.received // self._listeners + window
            for _ in range(due - published):
                await self._publish_next()
            await asyncio.sleep(_PAUSE_SECONDS)
            if (
                window is not None
                and time.monotonic() - max(began, deliveries.last_at / 1e9) > _STALL_SECONDS
            ):
                break  # the events in flight were lost
        expected = (self._published - first) * self._listeners
        await self._stopwatch.wait_for_deliveries(expected)
        return self._stopwatch.measured(expected)

    async def _publish_next(self) -> None:
        index, chat = divmod(self._published, len(self._chats))
        self._published += 1
        await self._publisher.publish(self._chats[chat], index)


class Stopwatch:
    """Measures wall time, and the processor time of the servers and of the driver, during one load."""

    def __init__(self, deliveries: Deliveries, *servers: Server) -> None:
        self.deliveries = deliveries
        self._servers = servers
        self.start()

    def start(self) -> None:
        """Restart the measurement and forget all deliveries."""
        self.deliveries.clear()
        self._server_began = self._server_seconds()
        self._driver_began = time.process_time()
        self._began = time.monotonic()

    async def wait_for_deliveries(self, expected: int) -> None:
        """Return when all expected deliveries have arrived, or when none has arrived for _STALL_SECONDS."""
        received, since = self.deliveries.received, time.monotonic()
        while self.deliveries.received < expected and time.monotonic() - since < _STALL_SECONDS:
            await asyncio.sleep(_PAUSE_SECONDS)
            if self.deliveries.received != received:
                received, since = self.deliveries.received, time.monotonic()

    def measured(self, expected: int) -> Measurement:
        """Return the measurement up to the last delivery."""
        wall = max(self.deliveries.last_at / 1e9 - self._began, 1e-9)
        whole = time.monotonic() - self._began
        p50, p99 = quantiles_ms(self.deliveries.ages)
        return Measurement(
            rate=self.deliveries.received / wall,
            p50_ms=p50,
            p99_ms=p99,
            expected=expected,
            received=self.deliveries.received,
            disorders=self.deliveries.disorders,
            server_cpu=(self._server_seconds() - self._server_began) / whole,
            driver_cpu=(time.process_time() - self._driver_began) / whole,
        )

    def _server_seconds(self) -> float:
        return sum(server.cpu_seconds() for server in self._servers)
