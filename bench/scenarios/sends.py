"""Sending messages through HTTP and through the socket, into PostgreSQL and out to listeners."""

import time

from bench.crowd import Crowd, Seat
from bench.load import Clock, Measured
from bench.population import Chat
from bench.scenarios.base import FULL, Metric, Readings, Scale, Scenario
from bench.senders import HttpSenders, Senders, SocketSenders
from bench.servers import Server, running
from bench.subjects import Subject
from bench.world import World

_LISTENERS = 2
_DOORS: dict[str, type[Senders]] = {"HTTP": HttpSenders, "socket": SocketSenders}
_PLACES = {"one chat": "room", "64 chats": "small_sent"}
_MANY = 64


async def measure(world: World, subject: Subject, scale: Scale) -> Readings:
    """Every door, place and number of concurrent senders, with two listeners in each chat."""
    readings: Readings = {}
    with running(subject, world) as server:
        for place, family in _PLACES.items():
            chats = world.chats[family][:_MANY]
            seats: list[Seat] = [(chat, person) for chat in chats for person in chat.members[-_LISTENERS:]]
            crowd = Crowd(server, witness_every=1)
            await crowd.join(seats)
            for door, kind in _DOORS.items():
                for concurrency in scale.concurrencies:
                    key = f"{door}, {place}, {concurrency}"
                    await _measure_one(server, crowd, chats, kind, concurrency, scale, key, readings)
            await crowd.leave()
    return readings


async def _measure_one(
    server: Server,
    crowd: Crowd,
    chats: tuple[Chat, ...],
    kind: type[Senders],
    concurrency: int,
    scale: Scale,
    key: str,
    readings: Readings,
) -> None:
    async with kind.open(server, chats, concurrency) as senders:
        warming = Clock(crowd.ledger, server)
        await warming.settle(await senders.send_for(0.3) * _LISTENERS)
        clock = Clock(crowd.ledger, server)
        began = time.monotonic()
        count = await senders.send_for(scale.saturate_seconds)
        seconds = time.monotonic() - began
    await clock.settle(count * _LISTENERS)
    measured: Measured = clock.measured(count * _LISTENERS)
    readings[f"{key} rate"] = count / seconds
    readings[f"{key} p50"] = measured.p50_ms
    readings[f"{key} p99"] = measured.p99_ms
    readings[f"{key} lost"] = float(measured.lost)


def _metrics() -> tuple[Metric, ...]:
    made: list[Metric] = []
    for door in _DOORS:
        for place in _PLACES:
            for concurrency in FULL.concurrencies:
                key = f"{door}, {place}, {concurrency}"
                row = f"{door}, to {place}, {concurrency} at once"
                made.append(Metric(f"{key} rate", "sends/s", row=row))
                made.append(Metric(f"{key} p50", "p50 ms", 1, higher_is_better=False, row=row))
                made.append(Metric(f"{key} p99", "p99 ms", 1, higher_is_better=False, row=row))
                made.append(Metric(f"{key} lost", "lost", higher_is_better=False, row=row))
    return tuple(made)


SENDS = Scenario(
    name="sends",
    title="Sends into PostgreSQL, with two listeners in each chat",
    text="Ages are from before the send to the receipt by a listener.",
    subjects=("parlor-uvicorn", "parlor-daphne"),
    metrics=_metrics(),
    measure=measure,
)
