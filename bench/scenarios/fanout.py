"""Benchmarks of delivery: one chat with many sockets, and many chats with few."""

from functools import partial

from bench.client_pool import ClientPool, members_of
from bench.load import Load, Stopwatch
from bench.programs import PROGRAMS, Program
from bench.publisher import open_publisher
from bench.scenarios.base import Metric, Readings, Scale, Scenario
from bench.senders import HttpSenders
from bench.servers import running
from bench.world import World

# A rate that every program except the stock peer sustains, so that it shows latency and not throughput.
_PACED_DELIVERIES = 5000.0
_SENDERS = 4
# Deliveries: enough that no program waits for the driver, and few enough for the stock layer's queues.
_IN_FLIGHT = 8000

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
    world: World, program: Program, scale: Scale, *, family: str, listeners: int, window: int
) -> Readings:
    """Measure a saturating load and a paced load; for Parlor also messages sent through its API."""
    chats = world.chats[family]
    with running(program, world) as server:
        pool = ClientPool(server)
        await pool.connect(members_of(chats, listeners))
        publisher = await open_publisher(world, program.kind)
        load = Load(Stopwatch(pool.deliveries, server), publisher, chats, listeners)
        fast = await load.saturate(scale.saturate_seconds, window)
        paced = await load.pace(scale.pace_seconds, _PACED_DELIVERIES / listeners)
        publisher.close()
        await pool.disconnect()
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
        if program.kind == "parlor":
            sent = world.chats[f"{family}_sent"]
            await pool.connect(members_of(sent, listeners))
            stopwatch = Stopwatch(pool.deliveries, server)
            async with HttpSenders.open(server, sent, _SENDERS) as senders:
                count = await senders.send_for(scale.saturate_seconds)
            await stopwatch.wait_for_deliveries(count * listeners)
            readings["sent_rate"] = stopwatch.measured(count * listeners).rate
            await pool.disconnect()
    return readings


def _one_chat(listeners: int) -> Scenario:
    return Scenario(
        name=f"fanout-{listeners}",
        title=f"One chat of {listeners:,} sockets",
        text=f"Saturated: {_IN_FLIGHT // listeners} events ({_IN_FLIGHT:,} deliveries) in flight. "
        f"Paced: {_PACED_DELIVERIES:,.0f} deliveries a second.",
        programs=tuple(program.name for program in PROGRAMS),
        metrics=_METRICS,
        measure=partial(measure, family="crowd", listeners=listeners, window=_IN_FLIGHT // listeners),
        also_compared=("work",),
    )


FANOUT_500 = _one_chat(500)
FANOUT_2000 = _one_chat(2000)
SMALL = Scenario(
    name="small",
    title="200 chats of 5 sockets, a message to each in turn",
    text="Saturated: 200 events in flight. Paced: 5,000 deliveries a second, in 1,000 events.",
    programs=tuple(program.name for program in PROGRAMS),
    metrics=_METRICS,
    measure=partial(measure, family="small", listeners=5, window=200),
    also_compared=("work",),
)
