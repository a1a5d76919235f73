"""The scenario `faults`: clients send while servers, Redis and PostgreSQL fail; every event must arrive."""

import argparse
import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator

from bench.percentiles import quantiles_ms
from tests.soak.clients import Sender, Subscriber
from tests.soak.delivery_verdict import DeliveryVerdict, Entry, MessageAges, ReceivedEvents
from tests.soak.seeded_chats import SETTINGS, SeededChats, read_logs, seed_chats
from tests.soak.system_under_test import Server, SystemUnderTest, running_system

KINDS = ("uvicorn", "daphne", "uvicorn")
CATCH_UP_SECONDS = 90.0
USERS_PER_CHAT = 10
PROGRESS_EVENTS = 5
FAULTS = {
    "kill": 3,
    "redis restart": 1,
    "redis away": 1,
    "redis hangs": 1,
    "cut": 1,
    "postgres restart": 1,
    "postgres crash": 1,
}
# These may happen during the long outage of Redis.
FAULTS_DURING_OUTAGE = ("kill", "postgres restart")


def run(options: argparse.Namespace) -> int:
    """Run the scenario and print the verdict; return the exit status."""
    print(f"seed {options.seed}", flush=True)  # noqa: T201
    kinds = [KINDS[number % len(KINDS)] for number in range(options.servers)]
    with running_system(kinds, SETTINGS) as system:
        seeded = seed_chats(system, options.chats, USERS_PER_CHAT)
        for server in system.servers:
            server.start()
        return 0 if asyncio.run(FaultScenario(system, seeded, options).run()) else 1


class FaultScenario:
    """One run of the scenario."""

    def __init__(self, system: SystemUnderTest, seeded: SeededChats, options: argparse.Namespace) -> None:
        self._system = system
        self._addresses = [server.address for server in system.servers]
        self._seeded = seeded
        self._options = options
        self._rng = random.Random(options.seed)
        self._faults: Counter[str] = Counter()
        self._ages = MessageAges()
        began = time.monotonic()
        self._ends_at = began + (float("inf") if options.each else options.minutes * 60)
        self._subscribers = [self._subscriber(number) for number in range(options.clients)]
        self._outage_at = began + max(0.0, (options.minutes * 60 - options.outage) / 2)

    async def run(self) -> bool:
        """Start all clients, cause faults, let the subscribers catch up; return whether the verdict is good."""
        subscribers = self._subscribers
        senders = [
            Sender(self._token(), self._addresses, self._new_rng(), f"t{number}", self._ages)
            for number in range(self._options.senders)
        ]
        following = [asyncio.create_task(one.follow()) for one in subscribers]
        sending = asyncio.gather(
            *(
                one.send_messages(list(self._seeded.chats), self._is_over, self._options.pause)
                for one in senders
            )
        )
        await (self._run_each_fault() if self._options.each else self._run_random_faults())
        await sending
        logs = await asyncio.to_thread(read_logs, self._seeded.chats)
        caught_up = await self._catch_up(subscribers, logs)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        verdict = DeliveryVerdict()
        for one in subscribers:
            for chat_id, received in one.received.items():
                verdict.count(received, logs[chat_id])
        verdict.count_acknowledged(self._ages.acknowledged, logs.values())
        self._print(verdict, subscribers, senders, caught_up)
        return verdict.is_good and (not self._faults["long outage"] or bool(self._ages.arrived))

    def _subscriber(self, number: int) -> Subscriber:
        by_inbox = number % 2 == 0
        chat_ids = list(self._seeded.chats) if by_inbox else [self._rng.choice(list(self._seeded.chats))]
        received = {chat_id: ReceivedEvents(start=1) for chat_id in chat_ids}
        return Subscriber(self._token(), self._addresses, self._new_rng(), received, by_inbox, self._ages)

    def _token(self) -> str:
        return self._rng.choice(self._seeded.tokens)

    def _new_rng(self) -> random.Random:
        return random.Random(self._rng.randrange(2**32))

    def _is_over(self) -> bool:
        return bool(time.monotonic() >= self._ends_at)

    async def _run_random_faults(self) -> None:
        """Cause one fault after the other until the run is over, and the long outage in the middle."""
        outage = self._options.outage > 0
        while not self._is_over():
            if outage and time.monotonic() >= self._outage_at:
                outage = False
                await self._long_outage()
            else:
                await self._pause(self._outage_at if outage else self._ends_at)
                if not outage or time.monotonic() < self._outage_at:
                    await self._fault(*self._rng.choices([*FAULTS], [*FAULTS.values()]))

    async def _run_each_fault(self) -> None:
        """Cause each fault once and kill each server once; every subscriber must receive events between two faults."""
        for server in self._system.servers:
            await self._wait_for_progress()
            self._faults["kill"] += 1
            await self._kill(server, 1)
        for kind in FAULTS:
            if kind != "kill":
                await self._wait_for_progress()
                await self._fault(kind)
        await self._wait_for_progress()
        async with self._without_redis():
            await self._wait_for_progress()
            self._faults["kill"] += 1
            await self._kill(self._system.servers[0], 1)
            await self._wait_for_progress()
        await self._wait_for_progress()
        self._ends_at = time.monotonic()

    async def _wait_for_progress(self) -> None:
        """Wait until every subscriber has received some more events. Raises TimeoutError."""
        marks = [(one, one.count + PROGRESS_EVENTS) for one in self._subscribers]
        async with asyncio.timeout(CATCH_UP_SECONDS):
            while any(one.count < mark for one, mark in marks):  # noqa: ASYNC110 - many of them
                await asyncio.sleep(0.05)

    async def _pause(self, at_most_until: float) -> None:
        seconds = min(self._rng.expovariate(1 / self._options.fault_every), 20)
        await asyncio.sleep(max(0.0, min(seconds, at_most_until - time.monotonic())))

    async def _long_outage(self) -> None:
        async with self._without_redis():
            ends_at = time.monotonic() + self._options.outage
            while time.monotonic() < ends_at:
                await self._pause(ends_at)
                if time.monotonic() < ends_at - 5:
                    await self._fault(self._rng.choice(FAULTS_DURING_OUTAGE))

    @contextlib.asynccontextmanager
    async def _without_redis(self) -> AsyncIterator[None]:
        self._faults["long outage"] += 1
        await asyncio.to_thread(self._system.stop_redis)
        self._ages.is_recording = True
        yield
        self._ages.is_recording = False
        await asyncio.to_thread(self._system.start_redis)

    async def _fault(self, kind: str) -> None:
        self._faults[kind] += 1
        seconds = 1.0 if self._options.each else self._rng.uniform(0, 4)
        system = self._system
        if kind == "kill":
            await self._kill(self._rng.choice(system.servers), seconds / 2)
        elif kind == "cut":
            await asyncio.to_thread(system.cut_subscriptions)
        elif kind == "redis hangs":
            with system.hung_redis():
                await asyncio.sleep(seconds)
        elif kind in ("postgres restart", "postgres crash"):
            await asyncio.to_thread(
                system.stop_postgres if kind == "postgres restart" else system.crash_postgres
            )
            await asyncio.sleep(seconds / 2)
            await asyncio.to_thread(system.start_postgres)
        else:
            await asyncio.to_thread(system.stop_redis)
            await asyncio.sleep(seconds if kind == "redis away" else 0)
            await asyncio.to_thread(system.start_redis)

    async def _kill(self, server: Server, gone_seconds: float) -> None:
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(gone_seconds)
        server.start()

    async def _catch_up(
        self, subscribers: list[Subscriber], logs: dict[str, dict[int, Entry]]
    ) -> float | None:
        """Return the seconds until every subscriber had everything; None if it took too long."""
        began = time.monotonic()
        last = {chat_id: max(log) for chat_id, log in logs.items()}
        while time.monotonic() - began < CATCH_UP_SECONDS:
            if all(got.last == last[chat_id] for one in subscribers for chat_id, got in one.received.items()):
                await asyncio.sleep(1)  # for events that should not come
                return time.monotonic() - began - 1
            await asyncio.sleep(0.05)
        return None

    def _print(
        self,
        verdict: DeliveryVerdict,
        subscribers: list[Subscriber],
        senders: list[Sender],
        caught_up: float | None,
    ) -> None:
        lines = {
            "subscribers": f"{len(subscribers)}, which connected {sum(one.connections for one in subscribers)} times",
            "messages acknowledged": f"{sum(one.sent for one in senders)}, after "
            f"{sum(one.repeated for one in senders)} repeated attempts",
            "faults": ", ".join(f"{count} x {kind}" for kind, count in sorted(self._faults.items()))
            or "none",
            "in the long outage": self._describe_outage(),
            "caught up": "never" if caught_up is None else f"{caught_up:.1f} s after the last send",
            "committed, for all": f"{verdict.committed:,} events",
            "arrived": f"{verdict.arrived:,} events",
            "holes": verdict.holes,
            "doubles": verdict.doubles,
            "swaps": verdict.swaps,
            "not as in the log": verdict.wrong,
            "acknowledged and lost": verdict.lost,
            "resets": verdict.resets,
            "verdict": "good" if verdict.is_good else "BAD",
        }
        for name, value in lines.items():
            print(f"{name:>22}  {value}", flush=True)  # noqa: T201

    def _describe_outage(self) -> str:
        arrived = self._ages.arrived
        if not arrived:
            return "nothing arrived" if self._faults["long outage"] else "-"
        median, worst = quantiles_ms(arrived)
        return f"{len(arrived):,} messages arrived, p50 {median:,.0f} ms and p99 {worst:,.0f} ms after their sending"
