"""The scenario `stall`: some readers stop reading while a chat goes on, others must not notice; then they catch up."""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import psutil

from bench.percentiles import quantiles_ms
from tests.soak.delivery_verdict import DeliveryVerdict, ReceivedEvents
from tests.soak.message_writer import make_message_writer
from tests.soak.seeded_chats import SETTINGS, SeededChats, disable_synchronous_commit, read_logs, seed_chats
from tests.soak.stalling_subscribers import StallingSubscriber, StallingSubscribers
from tests.soak.subprocess_object import SubprocessObject, in_subprocess
from tests.soak.system_under_test import SystemUnderTest, running_system

# Readers that resume get time for it; readers that are closed have the default SLOW_CONSUMER_SECONDS.
VARIANTS = ("resumes", "closed")
PATIENCE = {"SLOW_CONSUMER_SECONDS": "3600", "KEEP_ALIVE_SECONDS": "3600"}
SLOW_SECONDS = 30.0
CLOSE_GRACE_SECONDS = 15.0
CLOSE_CODES = (4450, 1006)  # Daphne drops a connection whose client does not read even the close frame

SAMPLE_SECONDS = 0.25
SETTLE_SECONDS = 2.0
MEGABYTE = 2**20
# A stall may cost each reader's window, the buffers on the way, and what Python keeps of past events.
BOUND_BYTES = 24 * MEGABYTE
BOUND_BYTES_EACH = MEGABYTE
# Ephemeral events: those sent before the window was full, and the latest of each user.
MOST_TYPINGS_EACH = 40


def run(options: argparse.Namespace) -> int:
    """Run the scenario under each server program and print the results; return the exit status."""
    runs = [(kind, variant) for kind in options.kinds for variant in options.variants]
    if len(runs) > 1:
        # Django is set up once in a process, for one database.
        return max([_run_in_subprocess(options, kind, variant) for kind, variant in runs])
    ((kind, variant),) = runs
    settings = {**SETTINGS, **(PATIENCE if variant == "resumes" else {})}
    # One of the two servers has the stalled readers; the other shows the latency of the machine itself.
    with running_system([kind, kind], settings) as system:
        seeded = seed_chats(system, chats=2, users_per_chat=options.stalled + 10)
        disable_synchronous_commit()
        for server in system.servers:
            server.start()
        found = asyncio.run(StallScenario(system, seeded, options, variant).run())
    print(f"{kind}, {variant}", flush=True)  # noqa: T201
    for name, value in found.lines():
        print(f"{name:>22}  {value}", flush=True)  # noqa: T201
    return 0 if found.is_good else 1


def _run_in_subprocess(options: argparse.Namespace, kind: str, variant: str) -> int:
    chosen = ("--kinds", kind, "--variants", variant)
    sizes = ("--events", str(options.events), "--stalled", str(options.stalled))
    return subprocess.run(
        [sys.executable, "-m", "tests.soak", "stall", *chosen, *sizes], check=False
    ).returncode


@dataclass
class StallResults:
    """What was measured. `ages` (ns) are by phase and chat: on the server with stalled readers, and on the other."""

    stalled: int
    events: int
    produce_seconds: float = 0.0
    before_bytes: int = 0
    most_bytes: int = 0
    after_bytes: int = 0
    ages: dict[str, dict[str, list["array[int]"]]] = field(default_factory=dict)
    closed_after: float | None = 0.0
    still_open: int = 0
    close_codes: list[int | None] = field(default_factory=list)
    caught_up: float | None = None
    typings: tuple[int, int] = (0, 0)
    verdict: DeliveryVerdict = field(default_factory=DeliveryVerdict)

    @property
    def is_good(self) -> bool:
        """Nothing is missing, memory and ephemeral events stayed within bounds, and slow readers were closed."""
        most = BOUND_BYTES + self.stalled * BOUND_BYTES_EACH
        return (
            self.verdict.is_good
            and self.most_bytes - self.before_bytes < most
            and self.typings[1] <= MOST_TYPINGS_EACH * self.stalled
            and self.caught_up is not None
            and self.closed_after is not None
            and all(code in CLOSE_CODES for code in self.close_codes)
        )

    def lines(self) -> list[tuple[str, str]]:
        """Return the results as (name, text)."""
        grown = (self.most_bytes - self.before_bytes) / MEGABYTE
        lines = [
            (
                "events passed",
                f"{self.events:,} in {self.produce_seconds:.0f} s; {self.stalled} readers stalled",
            ),
            (
                "memory (USS)",
                f"{self.before_bytes / MEGABYTE:.0f} MB before, {grown:+.1f} MB at the most meanwhile, "
                f"{(self.after_bytes - self.before_bytes) / MEGABYTE:+.1f} MB after they caught up",
            ),
        ]
        for phase, by_chat in self.ages.items():
            lines += [(f"ages {phase}", _compared(chat, *ages)) for chat, ages in by_chat.items() if ages[0]]
        if self.close_codes:
            after = "never" if self.closed_after is None else f"{self.closed_after:.0f} s"
            codes = ", ".join(str(code) for code in self.close_codes)
            lines.append(("ended", f"after {after}, with {codes}; {self.still_open} TCP connections stayed"))
        caught_up = "never" if self.caught_up is None else f"in {self.caught_up:.1f} s"
        verdict = self.verdict
        return [
            *lines,
            ("caught up", caught_up),
            ("ephemeral events", f"{self.typings[0]:,} to a reader, {self.typings[1]} to the stalled ones"),
            ("arrived", f"{verdict.arrived:,} of {verdict.committed:,}"),
            ("holes, doubles, swaps", f"{verdict.holes}, {verdict.doubles}, {verdict.swaps}"),
            ("wrong, resets", f"{verdict.wrong}, {verdict.resets}"),
            ("verdict", "good" if self.is_good else "BAD"),
        ]


class StallScenario:
    """One run of the scenario."""

    def __init__(
        self, system: SystemUnderTest, seeded: SeededChats, options: argparse.Namespace, variant: str
    ) -> None:
        self._seeded = seeded
        self._server = system.servers[0]
        self._closes = variant == "closed"
        self._found = StallResults(options.stalled, options.events)
        self._busy, self._quiet = seeded.chats
        self._tokens = seeded.tokens[-options.stalled :]
        self._readers = {
            name: [
                StallingSubscriber(one.address, seeded.tokens[0], [chat_id], by_inbox=False)
                for one in system.servers
            ]
            for name, chat_id in (("same chat", self._busy), ("another chat", self._quiet))
        }
        self._active_readers = [one for readers in self._readers.values() for one in readers]

    async def run(self) -> StallResults:
        """Measure before, during and after the stall."""
        users = [user_id for user_id, _ in self._seeded.users[: -self._found.stalled]]
        chats = self._seeded.chats
        async with (
            in_subprocess(make_message_writer, users, chats[self._busy], chats[self._quiet]) as writer,
            in_subprocess(
                StallingSubscribers, self._server.address, self._tokens, self._busy, self._quiet
            ) as stalled,
        ):
            for one in self._active_readers:
                await one.begin()
            await stalled.call("begin")
            for phase in ("warming", "before"):
                async with self._phase(phase):
                    await writer.call("send", max(1000, self._found.events // 10))
            del self._found.ages["warming"]
            await self._stall(writer, stalled)
            await self._catch_up(writer, stalled)
        for one in self._active_readers:
            await one.end()
        return self._found

    @contextlib.asynccontextmanager
    async def _phase(self, name: str) -> AsyncIterator[None]:
        for one in self._active_readers:
            one.ages.arrived = array("q")
        yield
        self._found.ages[name] = {
            chat: [one.ages.arrived for one in readers] for chat, readers in self._readers.items()
        }

    async def _stall(self, writer: SubprocessObject, stalled: SubprocessObject) -> None:
        found = self._found
        found.before_bytes = found.most_bytes = self._memory()
        self._readers["same chat"][0].typings = 0
        await stalled.call("stop_reading")
        sampling = asyncio.create_task(self._sample())
        ending = asyncio.create_task(self._ended_after()) if self._closes else None
        async with self._phase("meanwhile"):
            found.produce_seconds = await writer.call("send", found.events)
        if ending is not None:
            found.closed_after = await ending
            await asyncio.sleep(CLOSE_GRACE_SECONDS)
            found.still_open = self._connections() - len(self._readers)
        sampling.cancel()

    async def _catch_up(self, writer: SubprocessObject, stalled: SubprocessObject) -> None:
        found = self._found
        logs = await asyncio.to_thread(read_logs, self._seeded.chats)
        last = {chat_id: max(log) for chat_id, log in logs.items()}
        await stalled.call("resume_reading")
        if self._closes:
            found.close_codes = await stalled.call("close_codes", CLOSE_GRACE_SECONDS)
            await stalled.call("reconnect")
        async with self._phase("in catching up"):
            trickle = asyncio.create_task(writer.call("trickle", SETTLE_SECONDS))
            found.caught_up = await stalled.call("catch_up", last)
            if found.caught_up is None:
                found.close_codes = await stalled.call("close_codes", 0)
            await trickle
        await asyncio.sleep(SETTLE_SECONDS)
        found.after_bytes = self._memory()
        received, typings = await stalled.call("received")
        found.typings = (self._readers["same chat"][0].typings, typings)
        logs = await asyncio.to_thread(read_logs, self._seeded.chats)
        for one in (*received, *(reader.received for reader in self._active_readers)):
            self._count(one, logs)

    def _count(
        self, received: dict[str, ReceivedEvents], logs: dict[str, dict[int, tuple[str, str | None]]]
    ) -> None:
        for chat_id, one in received.items():
            self._found.verdict.count(one, logs[chat_id])

    def _memory(self) -> int:
        return int(psutil.Process(self._server.process_id).memory_full_info().uss)

    def _connections(self) -> int:
        port = int(self._server.address.rpartition(":")[2])
        connections = psutil.Process(self._server.process_id).net_connections("tcp4")
        return sum(one.laddr.port == port and bool(one.raddr) for one in connections)

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            self._found.most_bytes = max(self._found.most_bytes, self._memory())

    async def _ended_after(self) -> float | None:
        """Return the seconds until the server has closed the stalled sockets; None if it takes too long."""
        began = time.monotonic()
        while time.monotonic() - began < SLOW_SECONDS + CLOSE_GRACE_SECONDS + self._found.produce_seconds:
            await asyncio.sleep(1)
            if not any([await asyncio.to_thread(self._count_sockets, token) for token in self._tokens]):
                return time.monotonic() - began
        return None

    def _count_sockets(self, token: str) -> int:
        request = urllib.request.Request(
            f"http://{self._server.address}/graphql/",
            json.dumps({"query": "{ viewer { sockets { id } } }"}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return len(json.load(answer)["data"]["viewer"]["sockets"])


def _compared(chat: str, here: "array[int]", beside: "array[int]") -> str:
    (median, worst), (median_beside, worst_beside) = quantiles_ms(here), quantiles_ms(beside)
    return (
        f"{chat}: p50 {median:.1f} ms, p99 {worst:.1f} ms; "
        f"on the server without stalled readers {median_beside:.1f} and {worst_beside:.1f} ms"
    )
