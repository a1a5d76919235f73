"""Benchmark of reconnect storms: all sockets connect at once, to a running server and to a restarted one."""

import asyncio
import re
import time
from pathlib import Path

import psycopg

from bench.client_pool import ChatMember, ClientPool
from bench.load import Stopwatch
from bench.programs import Program
from bench.scenarios.base import Metric, Readings, Scale, Scenario
from bench.senders import HttpSenders
from bench.servers import Server, running
from bench.world import World

_MISSED = 10
_STATEMENT = re.compile(
    rb"LOG:  (?:statement|execute [^:]*): (?!BEGIN|COMMIT|SET |ALTER SYSTEM|SELECT pg_reload_conf)"
)


class StatementCount:
    """Counts the statements that PostgreSQL executes between `start` and `stop`, from its log."""

    def __init__(self, world: World) -> None:
        self._log: Path = world.data_dir / "postgres.log"
        self._url = world.database_url
        self._offset = 0

    def start(self) -> None:
        """Make PostgreSQL log every statement."""
        self._set("all")
        self._offset = self._log.stat().st_size

    def stop(self) -> int:
        """Stop logging and return the number of statements."""
        with self._log.open("rb") as log:
            log.seek(self._offset)
            count = len(_STATEMENT.findall(log.read()))
        self._set("none")
        return count

    def _set(self, level: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET log_statement = '{level}'".encode())
            connection.execute("SELECT pg_reload_conf()")
        # The postmaster signals the backends; nothing reports when they have reloaded.
        time.sleep(0.2)


async def measure(world: World, program: Program, scale: Scale) -> Readings:
    """Measure the storm against a process that served the clients before (warm), and a new process (cold)."""
    members: list[ChatMember] = [(chat, person) for chat in world.chats["storm"] for person in chat.members]
    members = members[: scale.storm_sockets]
    since: dict[int, int] = {}
    readings: Readings = {}
    with running(program, world) as server:
        pool = ClientPool(server)
        await pool.connect(members, at_once=100)
        if program.kind == "parlor":
            since = await _send_missed(world, server)
        await pool.disconnect()
        await _measure_storm(world, server, members, since, "warm", readings)
    with running(program, world) as server:
        await _measure_storm(world, server, members, since, "cold", readings)
    return readings


async def _send_missed(world: World, server: Server) -> dict[int, int]:
    """Send messages to every chat. Returns, by chat id, the seq after which its clients resume."""
    since: dict[int, int] = {}
    for chat in world.chats["storm"]:
        async with HttpSenders.open(server, [chat], 1) as senders:
            since[chat.chat_id] = await senders.send_count(_MISSED) - _MISSED
    return since


async def _measure_storm(
    world: World,
    server: Server,
    members: list[ChatMember],
    since: dict[int, int],
    kind: str,
    readings: Readings,
) -> None:
    pool = ClientPool(server)
    statements = StatementCount(world)
    statements.start()
    stopwatch = Stopwatch(pool.deliveries, server)
    began, cpu = time.monotonic(), server.cpu_seconds()
    await pool.connect(members, at_once=len(members), since=since)
    expected = len(members) * _MISSED if since else 0
    await stopwatch.wait_for_deliveries(expected)
    seconds = time.monotonic() - began
    readings[f"{kind}_seconds"] = seconds
    readings[f"{kind}_cpu"] = server.cpu_seconds() - cpu
    readings[f"{kind}_statements"] = float(statements.stop()) if since else float("nan")
    readings[f"{kind}_missing"] = float(expected - pool.deliveries.received)
    readings[f"{kind}_closed"] = float(pool.deliveries.closed)
    await pool.disconnect()
    await asyncio.sleep(0.2)


STORM = Scenario(
    name="storm",
    title="3,000 sockets in 30 chats reconnect at once; each of Parlor's asks for 10 events that it missed",
    text="Warm: the process served the clients before and has events in memory. Cold: it has just started. The peers "
    "replay nothing.",
    programs=("parlor-uvicorn", "parlor-daphne", "node", "socketio"),
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
