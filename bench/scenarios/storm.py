"""All sockets reconnect at once: after a network's hiccup, and after a restart of the server."""

import asyncio
import re
import time
from pathlib import Path

import psycopg

from bench.crowd import Crowd, Seat
from bench.load import Clock
from bench.scenarios.base import Metric, Readings, Scale, Scenario
from bench.senders import HttpSenders
from bench.servers import Server, running
from bench.subjects import Subject
from bench.world import World

_MISSED = 10
_STATEMENT = re.compile(
    rb"LOG:  (?:statement|execute [^:]*): (?!BEGIN|COMMIT|SET |ALTER SYSTEM|SELECT pg_reload_conf)"
)


class StatementCount:
    """Counts what PostgreSQL executes between `start` and `stop`, from its log."""

    def __init__(self, world: World) -> None:
        self._log: Path = world.data_dir / "postgres.log"
        self._url = world.database_url
        self._offset = 0

    def start(self) -> None:
        """Log every statement from now on."""
        self._set("all")
        self._offset = self._log.stat().st_size

    def stop(self) -> int:
        """Cease, and return the count."""
        with self._log.open("rb") as log:
            log.seek(self._offset)
            count = len(_STATEMENT.findall(log.read()))
        self._set("none")
        return count

    def _set(self, level: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET log_statement = '{level}'".encode())
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(
            0.2
        )  # the postmaster tells the backends by a signal, and nothing says when they have heard


async def measure(world: World, subject: Subject, scale: Scale) -> Readings:
    """The storm against the process that served before (warm), and against one just started (cold)."""
    seats: list[Seat] = [(chat, person) for chat in world.chats["storm"] for person in chat.members]
    seats = seats[: scale.storm_sockets]
    since: dict[int, int] = {}
    readings: Readings = {}
    with running(subject, world) as server:
        crowd = Crowd(server)
        await crowd.join(seats, at_once=100)
        if subject.kind == "parlor":
            since = await _send_missed(world, server)
        await crowd.leave()
        await _storm(world, server, seats, since, "warm", readings)
    with running(subject, world) as server:
        await _storm(world, server, seats, since, "cold", readings)
    return readings


async def _send_missed(world: World, server: Server) -> dict[int, int]:
    """Messages into every chat; returns after which seq each chat's clients will ask."""
    since: dict[int, int] = {}
    for chat in world.chats["storm"]:
        async with HttpSenders.open(server, [chat], 1) as senders:
            since[chat.chat_id] = await senders.send_count(_MISSED) - _MISSED
    return since


async def _storm(
    world: World, server: Server, seats: list[Seat], since: dict[int, int], kind: str, readings: Readings
) -> None:
    crowd = Crowd(server)
    statements = StatementCount(world)
    statements.start()
    clock = Clock(crowd.ledger, server)
    began, cpu = time.monotonic(), server.cpu_seconds()
    await crowd.join(seats, at_once=len(seats), since=since)
    expected = len(seats) * _MISSED if since else 0
    await clock.settle(expected)
    seconds = time.monotonic() - began
    readings[f"{kind}_seconds"] = seconds
    readings[f"{kind}_cpu"] = server.cpu_seconds() - cpu
    readings[f"{kind}_statements"] = float(statements.stop()) if since else float("nan")
    readings[f"{kind}_missing"] = float(expected - crowd.ledger.received)
    readings[f"{kind}_closed"] = float(crowd.ledger.closed)
    await crowd.leave()
    await asyncio.sleep(0.2)


STORM = Scenario(
    name="storm",
    title="3,000 sockets in 30 chats reconnect at once; each of Parlor's asks for 10 events that it missed",
    text="Warm: the process served them before and has rings. Cold: it has just started. The peers replay nothing.",
    subjects=("parlor-uvicorn", "parlor-daphne", "node", "socketio"),
    metrics=(
        Metric("warm_seconds", "seconds until all are live, warm", 2, higher_is_better=False),
        Metric("cold_seconds", "seconds until all are live, cold", 2, higher_is_better=False),
        Metric("warm_statements", "SQL statements, warm", higher_is_better=False),
        Metric("cold_statements", "SQL statements, cold", higher_is_better=False),
        Metric("warm_cpu", "server's CPU seconds, warm", 2, higher_is_better=False),
        Metric("cold_cpu", "server's CPU seconds, cold", 2, higher_is_better=False),
        Metric("warm_missing", "events missing, warm", higher_is_better=False),
        Metric("cold_missing", "events missing, cold", higher_is_better=False),
        Metric("warm_closed", "closed by the server, warm", higher_is_better=False),
        Metric("cold_closed", "closed by the server, cold", higher_is_better=False),
    ),
    measure=measure,
    also_compared=("warm_cpu",),
)
