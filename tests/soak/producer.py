"""Somebody must write a hundred thousand messages: through the services, which publish as in the servers."""

import asyncio
import itertools
import time
from collections.abc import Iterator

import django

SENDERS = 4
TEXT_CHARACTERS = 80
TYPING_EVERY = 100
TYPISTS = 5
QUIET_SECONDS = 0.05


def make_producer(people: list[int], loud: int, quiet: int) -> "Producer":
    """To be called in a process of its own."""
    django.setup()
    return Producer(people, loud, quiet)


class Producer:
    """Writes to a loud chat, now and then says in it that somebody types, and writes a little to a quiet one."""

    def __init__(self, people: list[int], loud: int, quiet: int) -> None:
        self._people = itertools.cycle(people)
        self._typists = itertools.cycle(people[:TYPISTS])
        self._loud = loud
        self._quiet = quiet

    async def send(self, count: int) -> float:
        """So many to the loud chat, as fast as few senders can; how many seconds it took."""
        began = time.monotonic()
        numbers = iter(range(count))
        quiet = asyncio.create_task(self.trickle())
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send(numbers))
        quiet.cancel()
        await asyncio.gather(quiet, return_exceptions=True)
        return time.monotonic() - began

    async def trickle(self, seconds: float = float("inf")) -> None:
        """To the quiet chat alone, at a slow pace."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            # A message that was begun is not given up.
            await asyncio.shield(self._say(self._quiet))
            await asyncio.sleep(QUIET_SECONDS)

    async def _send(self, numbers: Iterator[int]) -> None:
        from chats import services
        from foundation.database import in_thread

        for number in numbers:
            await self._say(self._loud)
            if number % TYPING_EVERY == 0:
                await in_thread(services.set_typing, next(self._typists), self._loud, True)

    async def _say(self, chat_id: int) -> None:
        from chats import services
        from foundation.database import in_thread

        text = f"{time.monotonic_ns()} ".ljust(TEXT_CHARACTERS, ".")
        await in_thread(services.send_message, next(self._people), chat_id, text)
