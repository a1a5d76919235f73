"""Benchmark of one process against two on one Redis."""

import contextlib

from bench import host_resources
from bench.client_pool import ClientPool, members_of
from bench.load import Load, Measurement, Stopwatch
from bench.programs import Program
from bench.publisher import open_publisher
from bench.scenarios.base import Metric, Readings, Scale, Scenario
from bench.servers import running
from bench.world import World

_SOCKETS = 2000
_WINDOW = 4


async def measure(world: World, program: Program, scale: Scale) -> Readings:
    """Measure one chat of 2,000 sockets on one process, then spread over two."""
    one = await _measure(world, program, scale, 1)
    two = await _measure(world, program, scale, 2)
    work_one = one.rate / one.server_cpu
    work_two = two.rate / two.server_cpu
    return {
        "kept": work_two / work_one * 100,
        "one": one.rate,
        "two": two.rate,
        "work_one": work_one,
        "work_two": work_two,
        "lost": float(one.lost + two.lost),
    }


async def _measure(world: World, program: Program, scale: Scale, count: int) -> Measurement:
    chats = world.chats["crowd"]
    members = members_of(chats, _SOCKETS)
    async with contextlib.AsyncExitStack() as stack:
        servers = [
            stack.enter_context(running(program, world, frozenset(host_resources.CORES)))
            for _ in range(count)
        ]
        pools = [ClientPool(servers[0])]
        pools += [ClientPool(server, pools[0].deliveries) for server in servers[1:]]
        for number, pool in enumerate(pools):
            await pool.connect(members[number::count])
        publisher = await open_publisher(world, program.kind)
        load = Load(Stopwatch(pools[0].deliveries, *servers), publisher, chats, _SOCKETS)
        measured = await load.saturate(scale.saturate_seconds, _WINDOW)
        publisher.close()
        for pool in pools:
            await pool.disconnect()
    return measured


PROCESSES = Scenario(
    name="processes",
    title="One chat of 2,000 sockets on one process, then spread over two",
    text="No process is pinned to a core, and two processes and the driver share two cores, so wall time cannot show a "
    "doubling. Compare the work per second of the servers' processor time.",
    programs=("parlor-uvicorn", "parlor-daphne", "node", "socketio", "raw-uvicorn"),
    metrics=(
        Metric("kept", "work per CPU second with two processes, % of one"),
        Metric("one", "deliveries/s, one process"),
        Metric("two", "deliveries/s, two processes"),
        Metric("work_one", "deliveries per CPU second, one process"),
        Metric("work_two", "deliveries per CPU second, two processes"),
        Metric("lost", "lost", higher_is_better=False),
    ),
    measure=measure,
)
