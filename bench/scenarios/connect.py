"""Benchmark of connecting, and of the memory per connected socket."""

import asyncio
import time

from bench.client_pool import ChatMember, ClientPool
from bench.programs import PROGRAMS, Program
from bench.scenarios.base import Metric, Readings, Scale, Scenario
from bench.servers import running
from bench.world import World

_SOCKETS = 2000
_WARM = 50
_AT_ONCE = 50
_REST_SECONDS = 1.0


async def measure(world: World, program: Program, scale: Scale) -> Readings:
    """Connect, initialise and subscribe 2,000 sockets in chats of 100, and compare memory before and after."""
    del scale
    members: list[ChatMember] = [(chat, person) for chat in world.chats["storm"] for person in chat.members]
    with running(program, world) as server:
        pool = ClientPool(server)
        await pool.connect(members[:_WARM], _AT_ONCE)
        await pool.disconnect()
        await asyncio.sleep(_REST_SECONDS)
        memory, began, cpu = server.pss_bytes(), time.monotonic(), server.cpu_seconds()
        driver_cpu = time.process_time()
        await pool.connect(members[:_SOCKETS], _AT_ONCE)
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
        readings["closed"] = float(pool.deliveries.closed - _WARM)
        await pool.disconnect()
    return readings


CONNECT = Scenario(
    name="connect",
    title=f"Connect, initialise, subscribe; memory per socket ({_SOCKETS:,} sockets, {_AT_ONCE} at once)",
    text="Memory is the process's proportional set size (PSS) beyond that of the idle, warm process, "
    "without the kernel's buffers.",
    programs=tuple(program.name for program in PROGRAMS),
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
