"""One chat with many sockets, and many chats with few."""

from functools import partial

from bench.crowd import Crowd, seats_of
from bench.load import Clock, Load
from bench.publisher import open_publisher
from bench.scenarios.base import Metric, Readings, Scale, Scenario
from bench.senders import HttpSenders
from bench.servers import running
from bench.subjects import SUBJECTS, Subject
from bench.world import World

# A rate that every subject but the stock one holds: it shows latency, not throughput.
_PACED_DELIVERIES = 5000.0
_SENDERS = 4
# Enough that no program ever waits for the driver, and little enough that a queue of the stock layer holds it.
_UNDER_WAY = 8000

_METRICS = (
    Metric("rate", "deliveries/s, saturated"),
    Metric("work", "deliveries per server's CPU second"),
    Metric("p50", "p50 ms, saturated", 1, higher_is_better=False),
    Metric("p99", "p99 ms, saturated", 1, higher_is_better=False),
    Metric("paced_p50", "p50 ms, paced", 1, higher_is_better=False),
    Metric("paced_p99", "p99 ms, paced", 1, higher_is_better=False),
    Metric("sent_rate", "deliveries/s, sent over HTTP"),
    Metric("lost", "lost", higher_is_better=False),
    Metric("disorders", "out of order, or after a gap", higher_is_better=False),
    Metric("server_cpu", "server's core in use", 2),
    Metric("driver_cpu", "driver's core in use", 2),
)


async def measure(
    world: World, subject: Subject, scale: Scale, *, family: str, listeners: int, window: int
) -> Readings:
    """Saturate, pace, and for Parlor send through the product's own door."""
    chats = world.chats[family]
    with running(subject, world) as server:
        crowd = Crowd(server)
        await crowd.join(seats_of(chats, listeners))
        publisher = await open_publisher(world, subject.kind)
        load = Load(Clock(crowd.ledger, server), publisher, chats, listeners)
        fast = await load.saturate(scale.saturate_seconds, window)
        paced = await load.pace(scale.pace_seconds, _PACED_DELIVERIES / listeners)
        publisher.close()
        await crowd.leave()
        readings = {
            "rate": fast.rate,
            "p50": fast.p50_ms,
            "p99": fast.p99_ms,
            "paced_p50": paced.p50_ms,
            "paced_p99": paced.p99_ms,
            "lost": float(fast.lost + paced.lost),
            "disorders": float(fast.disorders + paced.disorders),
            "work": fast.rate / fast.server_cpu,
            "server_cpu": fast.server_cpu,
            "driver_cpu": fast.driver_cpu,
        }
        if subject.kind == "parlor":
            sent = world.chats[f"{family}_sent"]
            await crowd.join(seats_of(sent, listeners))
            clock = Clock(crowd.ledger, server)
            async with HttpSenders.open(server, sent, _SENDERS) as senders:
                count = await senders.send_for(scale.saturate_seconds)
            await clock.settle(count * listeners)
            readings["sent_rate"] = clock.measured(count * listeners).rate
            await crowd.leave()
    return readings


def _one_chat(listeners: int) -> Scenario:
    return Scenario(
        name=f"fanout-{listeners}",
        title=f"One chat of {listeners:,} sockets",
        text=f"Saturated: {_UNDER_WAY // listeners} events, hence {_UNDER_WAY:,} deliveries, under way. "
        f"Paced: {_PACED_DELIVERIES:,.0f} deliveries a second.",
        subjects=tuple(subject.name for subject in SUBJECTS),
        metrics=_METRICS,
        measure=partial(measure, family="crowd", listeners=listeners, window=_UNDER_WAY // listeners),
        also_compared=("work",),
    )


FANOUT_500 = _one_chat(500)
FANOUT_2000 = _one_chat(2000)
SMALL = Scenario(
    name="small",
    title="200 chats of 5 sockets, a message to each in turn",
    text="Saturated: 200 events under way. Paced: 5,000 deliveries a second, in 1,000 events.",
    subjects=tuple(subject.name for subject in SUBJECTS),
    metrics=_METRICS,
    measure=partial(measure, family="small", listeners=5, window=200),
    also_compared=("work",),
)
