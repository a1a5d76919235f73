"""Faults: people talk while servers are killed and Redis and PostgreSQL fall; then the account is made."""

import argparse
import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator

from bench.percentiles import quantiles_ms
from tests.soak.account import Ages, Entry, Received, Verdict
from tests.soak.cast import SETTINGS, Cast, make_cast, read_logs
from tests.soak.people import Follower, Talker
from tests.soak.stage import Server, Stage, standing

KINDS = ("uvicorn", "daphne", "uvicorn")
CATCH_UP_SECONDS = 90.0
PEOPLE_PER_CHAT = 10
FLOW_EVENTS = 5
FAULTS = {
    "kill": 3,
    "redis restart": 1,
    "redis away": 1,
    "redis hangs": 1,
    "cut": 1,
    "postgres restart": 1,
    "postgres crash": 1,
}
# While Redis is gone for long, the rest may fall too.
FAULTS_BESIDE = ("kill", "postgres restart")


def run(options: argparse.Namespace) -> int:
    """Run it and print the account; returns the exit status."""
    print(f"seed {options.seed}", flush=True)  # noqa: T201
    kinds = [KINDS[number % len(KINDS)] for number in range(options.servers)]
    with standing(kinds, SETTINGS) as stage:
        cast = make_cast(stage, options.chats, PEOPLE_PER_CHAT)
        for server in stage.servers:
            server.start()
        return 0 if asyncio.run(Soak(stage, cast, options).run()) else 1


class Soak:
    """One run."""

    def __init__(self, stage: Stage, cast: Cast, options: argparse.Namespace) -> None:
        self._stage = stage
        self._addresses = [server.address for server in stage.servers]
        self._cast = cast
        self._options = options
        self._chance = random.Random(options.seed)
        self._faults: Counter[str] = Counter()
        self._ages = Ages()
        began = time.monotonic()
        self._ends_at = began + (float("inf") if options.each else options.minutes * 60)
        self._followers = [self._follower(number) for number in range(options.clients)]
        self._outage_at = began + max(0.0, (options.minutes * 60 - options.outage) / 2)

    async def run(self) -> bool:
        """Everybody begins, faults happen, everybody catches up, and the account is made: whether it is good."""
        followers = self._followers
        talkers = [
            Talker(self._token(), self._addresses, self._part(), f"t{number}", self._ages)
            for number in range(self._options.talkers)
        ]
        following = [asyncio.create_task(one.follow()) for one in followers]
        talking = asyncio.gather(
            *(one.talk(list(self._cast.chats), self._is_over, self._options.pause) for one in talkers)
        )
        await (self._fall_in_order() if self._options.each else self._fall())
        await talking
        logs = await asyncio.to_thread(read_logs, self._cast.chats)
        caught_up = await self._catch_up(followers, logs)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        verdict = Verdict()
        for one in followers:
            for chat_id, received in one.received.items():
                verdict.count(received, logs[chat_id])
        verdict.count_acknowledged(self._ages.acknowledged, logs.values())
        self._print(verdict, followers, talkers, caught_up)
        return verdict.is_good and (not self._faults["long outage"] or bool(self._ages.arrived))

    def _follower(self, number: int) -> Follower:
        by_inbox = number % 2 == 0
        chat_ids = list(self._cast.chats) if by_inbox else [self._chance.choice(list(self._cast.chats))]
        received = {chat_id: Received(start=1) for chat_id in chat_ids}
        return Follower(self._token(), self._addresses, self._part(), received, by_inbox, self._ages)

    def _token(self) -> str:
        return self._chance.choice(self._cast.tokens)

    def _part(self) -> random.Random:
        return random.Random(self._chance.randrange(2**32))

    def _is_over(self) -> bool:
        return bool(time.monotonic() >= self._ends_at)

    async def _fall(self) -> None:
        """One fault after the other until it is over, and the long outage in the middle."""
        outage = self._options.outage > 0
        while not self._is_over():
            if outage and time.monotonic() >= self._outage_at:
                outage = False
                await self._long_outage()
            else:
                await self._wait(self._outage_at if outage else self._ends_at)
                if not outage or time.monotonic() < self._outage_at:
                    await self._fault(*self._chance.choices([*FAULTS], [*FAULTS.values()]))

    async def _fall_in_order(self) -> None:
        """Each fault once, and each server once, whatever the seed; between them everybody gets something."""
        for server in self._stage.servers:
            await self._flow()
            self._faults["kill"] += 1
            await self._kill(server, 1)
        for kind in FAULTS:
            if kind != "kill":
                await self._flow()
                await self._fault(kind)
        await self._flow()
        async with self._without_redis():
            await self._flow()
            self._faults["kill"] += 1
            await self._kill(self._stage.servers[0], 1)
            await self._flow()
        await self._flow()
        self._ends_at = time.monotonic()

    async def _flow(self) -> None:
        """Until every follower has got some more. Raises TimeoutError."""
        marks = [(one, one.count + FLOW_EVENTS) for one in self._followers]
        async with asyncio.timeout(CATCH_UP_SECONDS):
            while any(one.count < mark for one, mark in marks):  # noqa: ASYNC110 - many of them
                await asyncio.sleep(0.05)

    async def _wait(self, at_most_until: float) -> None:
        seconds = min(self._chance.expovariate(1 / self._options.fault_every), 20)
        await asyncio.sleep(max(0.0, min(seconds, at_most_until - time.monotonic())))

    async def _long_outage(self) -> None:
        async with self._without_redis():
            ends_at = time.monotonic() + self._options.outage
            while time.monotonic() < ends_at:
                await self._wait(ends_at)
                if time.monotonic() < ends_at - 5:
                    await self._fault(self._chance.choice(FAULTS_BESIDE))

    @contextlib.asynccontextmanager
    async def _without_redis(self) -> AsyncIterator[None]:
        self._faults["long outage"] += 1
        await asyncio.to_thread(self._stage.stop_redis)
        self._ages.is_recording = True
        yield
        self._ages.is_recording = False
        await asyncio.to_thread(self._stage.start_redis)

    async def _fault(self, kind: str) -> None:
        self._faults[kind] += 1
        seconds = 1.0 if self._options.each else self._chance.uniform(0, 4)
        stage = self._stage
        if kind == "kill":
            await self._kill(self._chance.choice(stage.servers), seconds / 2)
        elif kind == "cut":
            await asyncio.to_thread(stage.cut_subscriptions)
        elif kind == "redis hangs":
            with stage.hung_redis():
                await asyncio.sleep(seconds)
        elif kind in ("postgres restart", "postgres crash"):
            await asyncio.to_thread(
                stage.stop_postgres if kind == "postgres restart" else stage.crash_postgres
            )
            await asyncio.sleep(seconds / 2)
            await asyncio.to_thread(stage.start_postgres)
        else:
            await asyncio.to_thread(stage.stop_redis)
            await asyncio.sleep(seconds if kind == "redis away" else 0)
            await asyncio.to_thread(stage.start_redis)

    async def _kill(self, server: Server, gone_seconds: float) -> None:
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(gone_seconds)
        server.start()

    async def _catch_up(self, followers: list[Follower], logs: dict[str, dict[int, Entry]]) -> float | None:
        """How many seconds it took until everybody had everything; None if it took too long."""
        began = time.monotonic()
        last = {chat_id: max(log) for chat_id, log in logs.items()}
        while time.monotonic() - began < CATCH_UP_SECONDS:
            if all(got.last == last[chat_id] for one in followers for chat_id, got in one.received.items()):
                await asyncio.sleep(1)  # for what should not come
                return time.monotonic() - began - 1
            await asyncio.sleep(0.05)
        return None

    def _print(
        self, verdict: Verdict, followers: list[Follower], talkers: list[Talker], caught_up: float | None
    ) -> None:
        lines = {
            "followers": f"{len(followers)}, who connected {sum(one.connections for one in followers)} times",
            "messages acknowledged": f"{sum(one.sent for one in talkers)}, after "
            f"{sum(one.repeated for one in talkers)} repeated attempts",
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
