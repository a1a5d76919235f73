"""Benchmark of sending messages over HTTP and over the websocket, from the request to the listeners."""

import time

from bench.client_pool import ChatMember, ClientPool
from bench.load import Measurement, Stopwatch
from bench.population import Chat
from bench.programs import Program
from bench.scenarios.base import FULL, Metric, Readings, Scale, Scenario
from bench.senders import HttpSenders, Senders, SocketSenders
from bench.servers import Server, running
from bench.world import World

_LISTENERS = 2
_TRANSPORTS: dict[str, type[Senders]] = {"HTTP": HttpSenders, "socket": SocketSenders}
_TARGETS = {"one chat": "room", "64 chats": "small_sent"}
_MANY = 64


async def measure(world: World, program: Program, scale: Scale) -> Readings:
    """Measure every transport, target and number of concurrent senders, with two listeners in each chat."""
    readings: Readings = {}
    with running(program, world) as server:
        for target, family in _TARGETS.items():
            chats = world.chats[family][:_MANY]
            members: list[ChatMember] = [
                (chat, person) for chat in chats for person in chat.members[-_LISTENERS:]
            ]
            pool = ClientPool(server, sample_every=1)
            await pool.connect(members)
            for transport, senders in _TRANSPORTS.items():
                for concurrency in scale.concurrencies:
                    key = f"{transport}, {target}, {concurrency}"
                    await _measure_one(server, pool, chats, senders, concurrency, scale, key, readings)
            await pool.disconnect()
    return readings


async def _measure_one(
    server: Server,
    pool: ClientPool,
    chats: tuple[Chat, ...],
    kind: type[Senders],
    concurrency: int,
    scale: Scale,
    key: str,
    readings: Readings,
) -> None:
    async with kind.open(server, chats, concurrency) as senders:
        warm_up = Stopwatch(pool.deliveries, server)
        await warm_up.wait_for_deliveries(await senders.send_for(0.3) * _LISTENERS)
        stopwatch = Stopwatch(pool.deliveries, server)
        began = time.monotonic()
        count = await senders.send_for(scale.saturate_seconds)
        seconds = time.monotonic() - began
    await stopwatch.wait_for_deliveries(count * _LISTENERS)
    measured: Measurement = stopwatch.measured(count * _LISTENERS)
    readings[f"{key} rate"] = count / seconds
    readings[f"{key} p50"] = measured.p50_ms
    readings[f"{key} p99"] = measured.p99_ms
    readings[f"{key} lost"] = float(measured.lost)


def _metrics() -> tuple[Metric, ...]:
    metrics: list[Metric] = []
    for transport in _TRANSPORTS:
        for target in _TARGETS:
            for concurrency in FULL.concurrencies:
                key = f"{transport}, {target}, {concurrency}"
                row = f"{transport}, to {target}, {concurrency} at once"
                metrics.append(Metric(f"{key} rate", "sends/s", row=row))
                metrics.append(Metric(f"{key} p50", "p50 ms", 1, higher_is_better=False, row=row))
                metrics.append(Metric(f"{key} p99", "p99 ms", 1, higher_is_better=False, row=row))
                metrics.append(Metric(f"{key} lost", "lost", higher_is_better=False, row=row))
    return tuple(metrics)


SENDS = Scenario(
    name="sends",
    title="Sends into PostgreSQL, with two listeners in each chat",
    text="Times are from just before the send to the receipt by a listener.",
    programs=("parlor-uvicorn", "parlor-daphne"),
    metrics=_metrics(),
    measure=measure,
)
