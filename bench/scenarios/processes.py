"""Two processes on one Redis: does the second add its share?"""

import contextlib

from bench import machine
from bench.crowd import Crowd, seats_of
from bench.load import Clock, Load, Measured
from bench.publisher import open_publisher
from bench.scenarios.base import Metric, Readings, Scale, Scenario
from bench.servers import running
from bench.subjects import Subject
from bench.world import World

_SOCKETS = 2000
_WINDOW = 4


async def measure(world: World, subject: Subject, scale: Scale) -> Readings:
    """One chat of 2,000 sockets on one process, then spread over two."""
    one = await _measure(world, subject, scale, 1)
    two = await _measure(world, subject, scale, 2)
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


async def _measure(world: World, subject: Subject, scale: Scale, count: int) -> Measured:
    chats = world.chats["crowd"]
    seats = seats_of(chats, _SOCKETS)
    async with contextlib.AsyncExitStack() as stack:
        servers = [
            stack.enter_context(running(subject, world, frozenset(machine.CORES))) for _ in range(count)
        ]
        crowds = [Crowd(servers[0])]
        crowds += [Crowd(server, crowds[0].ledger) for server in servers[1:]]
        for place, crowd in enumerate(crowds):
            await crowd.join(seats[place::count])
        publisher = await open_publisher(world, subject.kind)
        load = Load(Clock(crowds[0].ledger, *servers), publisher, chats, _SOCKETS)
        measured = await load.saturate(scale.saturate_seconds, _WINDOW)
        publisher.close()
        for crowd in crowds:
            await crowd.leave()
    return measured


PROCESSES = Scenario(
    name="processes",
    title="One chat of 2,000 sockets on one process, then spread over two",
    text="Nothing is held to a core here, and two processes and the driver share two cores, so the wall clock cannot "
    "show a doubling. What shows is the work that a second of a server's processor time does.",
    subjects=("parlor-uvicorn", "parlor-daphne", "node", "socketio", "raw-uvicorn"),
    metrics=(
        Metric("kept", "work per CPU second kept with two, %"),
        Metric("one", "deliveries/s, one"),
        Metric("two", "deliveries/s, two"),
        Metric("work_one", "deliveries per CPU second, one"),
        Metric("work_two", "deliveries per CPU second, two"),
        Metric("lost", "lost", higher_is_better=False),
    ),
    measure=measure,
)
