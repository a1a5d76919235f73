"""`python -m bench.soak --help`. Exit status 0: each follower got every event once, in order, as the log has it."""

import argparse
import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import django

from bench.soak.account import Entry, Received, Verdict
from bench.soak.people import Follower, Talker
from bench.soak.stage import Server, Stage, standing

SETTINGS = {
    "PARLOR_ENV_FILE": "",
    "ENVIRONMENT": "production",
    "SECRET_KEY": "of-this-soak-alone-and-of-no-use-anywhere-else-at-all",
    "ALLOWED_HOSTS": "127.0.0.1",
    "RATE_LIMITS": "false",
    "ACCESS_TOKEN_SECONDS": "86400",
    "SOCKETS_PER_USER": "1000",
    "MAX_REPLAY_EVENTS": "1000000",
    "LOG_LEVEL": "WARNING",
}
KINDS = ("uvicorn", "daphne", "uvicorn")
CATCH_UP_SECONDS = 90.0
PEOPLE_PER_CHAT = 10


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part: tokens, and chats by global id with their database ids."""

    tokens: list[str]
    chats: dict[str, int]


def main(arguments: Sequence[str]) -> int:
    """Run it; returns the exit status."""
    options = _options(arguments)
    print(f"seed {options.seed}", flush=True)  # noqa: T201
    kinds = [KINDS[number % len(KINDS)] for number in range(options.servers)]
    with standing(kinds, SETTINGS) as stage:
        os.environ.update(stage.environment, DJANGO_SETTINGS_MODULE="api.settings")
        django.setup()
        cast = _make_cast(options.chats)
        for server in stage.servers:
            server.start()
        verdict = asyncio.run(Soak(stage, cast, options).run())
    return 0 if verdict.is_good else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.soak", description=__doc__)
    parser.add_argument("--clients", type=int, default=40, help="who follow")
    parser.add_argument("--talkers", type=int, default=8, help="who send")
    parser.add_argument("--chats", type=int, default=5)
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument(
        "--pause", type=float, default=0.02, help="mean seconds between two sends of a talker"
    )
    parser.add_argument("--fault-every", type=float, default=6, help="mean seconds between two faults")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    return parser.parse_args(arguments)


def _make_cast(chats: int) -> Cast:
    from bench import seed
    from bench.world import Family

    made = seed.seed(chats * PEOPLE_PER_CHAT, {"soak": Family(chats, PEOPLE_PER_CHAT)})["soak"]
    everybody = [person for chat in made for person in chat.members]
    # Everybody is in every chat, so that an inbox has several.
    from chats.models import Membership

    Membership.objects.bulk_create(
        Membership(chat_id=chat.chat_id, user_id=person.user_id, joined_seq=1)
        for chat in made
        for person in everybody
        if person not in chat.members
    )
    return Cast([person.token for person in everybody], {chat.global_id: chat.chat_id for chat in made})


class Soak:
    """One run."""

    def __init__(self, stage: Stage, cast: Cast, options: argparse.Namespace) -> None:
        self._stage = stage
        self._cast = cast
        self._options = options
        self._chance = random.Random(options.seed)  # noqa: S311 - to be repeated
        self._faults: Counter[str] = Counter()
        self._ends_at = time.monotonic() + options.minutes * 60

    async def run(self) -> Verdict:
        """Everybody begins, faults happen, everybody catches up, and the account is made."""
        followers = [self._follower(number) for number in range(self._options.clients)]
        talkers = [
            Talker(self._token(), self._stage.servers, self._part(), f"t{number}")
            for number in range(self._options.talkers)
        ]
        following = [asyncio.create_task(one.follow()) for one in followers]
        talking = asyncio.gather(
            *(one.talk(list(self._cast.chats), self._is_over, self._options.pause) for one in talkers)
        )
        while not self._is_over():
            await asyncio.sleep(min(self._chance.expovariate(1 / self._options.fault_every), 20))
            await self._fault()
        await talking
        logs = await asyncio.to_thread(self._read_logs)
        caught_up = await self._catch_up(followers, logs)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        verdict = Verdict()
        for one in followers:
            for chat_id, received in one.received.items():
                verdict.count(received, logs[chat_id])
        self._print(verdict, followers, talkers, caught_up)
        return verdict

    def _follower(self, number: int) -> Follower:
        by_inbox = number % 2 == 0
        chat_ids = list(self._cast.chats) if by_inbox else [self._chance.choice(list(self._cast.chats))]
        received = {chat_id: Received(start=1) for chat_id in chat_ids}
        return Follower(self._token(), self._stage.servers, self._part(), received, by_inbox)

    def _token(self) -> str:
        return self._chance.choice(self._cast.tokens)

    def _part(self) -> random.Random:
        return random.Random(self._chance.randrange(2**32))  # noqa: S311 - to be repeated

    def _is_over(self) -> bool:
        return bool(time.monotonic() >= self._ends_at)

    async def _fault(self) -> None:
        kind = self._chance.choice(
            ["kill", "kill", "kill", "redis restart", "redis away", "redis hangs", "cut"]
        )
        self._faults[kind] += 1
        seconds = self._chance.uniform(0, 4)
        if kind == "kill":
            await self._kill(self._chance.choice(self._stage.servers), seconds / 2)
        elif kind == "cut":
            await asyncio.to_thread(self._stage.cut_subscriptions)
        elif kind == "redis hangs":
            with self._stage.hung_redis():
                await asyncio.sleep(seconds)
        else:
            await asyncio.to_thread(self._stage.stop_redis)
            await asyncio.sleep(seconds if kind == "redis away" else 0)
            await asyncio.to_thread(self._stage.start_redis)

    async def _kill(self, server: Server, gone_seconds: float) -> None:
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(gone_seconds)
        server.start()

    def _read_logs(self) -> dict[str, dict[int, Entry]]:
        from chats.models import Event, EventType
        from schema.ids import encode_id

        names = {str(kind): str(kind).title().replace("_", "") for kind in EventType}
        logs: dict[str, dict[int, Entry]] = {chat_id: {} for chat_id in self._cast.chats}
        by_id = {number: chat_id for chat_id, number in self._cast.chats.items()}
        for chat, seq, kind, message in Event.objects.values_list("chat_id", "seq", "type", "message_id"):
            logs[by_id[chat]][seq] = (names[kind], None if message is None else encode_id("Message", message))
        return logs

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
            "caught up": "never" if caught_up is None else f"{caught_up:.1f} s after the last send",
            "committed, for all": f"{verdict.committed:,} events",
            "arrived": f"{verdict.arrived:,} events",
            "holes": verdict.holes,
            "doubles": verdict.doubles,
            "swaps": verdict.swaps,
            "not as in the log": verdict.wrong,
            "resets": verdict.resets,
            "verdict": "good" if verdict.is_good else "BAD",
        }
        for name, value in lines.items():
            print(f"{name:>22}  {value}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
