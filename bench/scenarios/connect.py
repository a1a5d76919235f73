"""Connecting, and what a socket that is connected costs."""

import asyncio
import time

from bench.crowd import Crowd, Seat
from bench.scenarios.base import Metric, Readings, Scale, Scenario
from bench.servers import running
from bench.subjects import SUBJECTS, Subject
from bench.world import World

_SOCKETS = 2000
_WARM = 50
_AT_ONCE = 50
_REST_SECONDS = 1.0


async def measure(world: World, subject: Subject, scale: Scale) -> Readings:
    """Connect, initialise and subscribe 2,000 sockets, spread over chats of 100; memory before and after."""
    del scale
    seats: list[Seat] = [(chat, person) for chat in world.chats["storm"] for person in chat.members]
    with running(subject, world) as server:
        crowd = Crowd(server)
        await crowd.join(seats[:_WARM], _AT_ONCE)
        await crowd.leave()
        await asyncio.sleep(_REST_SECONDS)
        memory, began, cpu = server.pss_bytes(), time.monotonic(), server.cpu_seconds()
        driver_cpu = time.process_time()
        await crowd.join(seats[:_SOCKETS], _AT_ONCE)
        seconds = time.monotonic() - began
        readings = {
            "rate": _SOCKETS / seconds,
            "server_cpu": (server.cpu_seconds() - cpu) / seconds,
            "driver_cpu": (time.process_time() - driver_cpu) / seconds,
        }
        readings["work"] = readings["rate"] / readings["server_cpu"]
        await asyncio.sleep(_REST_SECONDS)
        readings["kilobytes"] = (server.pss_bytes() - memory) / _SOCKETS / 1000
        readings["idle_megabytes"] = memory / 1e6
        readings["closed"] = float(crowd.ledger.closed - _WARM)
        await crowd.leave()
    return readings


CONNECT = Scenario(
    name="connect",
    title=f"Connect, initialise, subscribe; memory per socket ({_SOCKETS:,} sockets, {_AT_ONCE} at once)",
    text="Memory is the process's proportional set size (PSS) beyond that of the idle, warm process; the kernel's "
    "buffers are not in it.",
    subjects=tuple(subject.name for subject in SUBJECTS),
    metrics=(
        Metric("rate", "connects/s"),
        Metric("work", "connects per server's CPU second"),
        Metric("kilobytes", "kB per subscribed socket", 1, higher_is_better=False),
        Metric("idle_megabytes", "idle process, MB", higher_is_better=False),
        Metric("closed", "closed by the server", higher_is_better=False),
        Metric("server_cpu", "server's core in use", 2),
        Metric("driver_cpu", "driver's core in use", 2),
    ),
    measure=measure,
    also_compared=("work", "kilobytes"),
)
