"""Writes many messages through the services, which publish them as the servers do."""

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


def make_message_writer(users: list[int], busy: int, quiet: int) -> "MessageWriter":
    """Set Django up and make a writer, in a process of its own."""
    django.setup()
    return MessageWriter(users, busy, quiet)


class MessageWriter:
    """Writes to a busy chat, with typing events now and then, and a little to a quiet chat."""

    def __init__(self, users: list[int], busy: int, quiet: int) -> None:
        self._users = itertools.cycle(users)
        self._typists = itertools.cycle(users[:TYPISTS])
        self._busy = busy
        self._quiet = quiet

    async def send(self, count: int) -> float:
        """Write `count` messages to the busy chat as fast as SENDERS can; return the seconds that it took."""
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
        """Write slowly to the quiet chat alone."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            # Cancelling interrupts no message.
            await asyncio.shield(self._write(self._quiet))
            await asyncio.sleep(QUIET_SECONDS)

    async def _send(self, numbers: Iterator[int]) -> None:
        from chats import services
        from foundation.database import in_thread

        for number in numbers:
            await self._write(self._busy)
            if number % TYPING_EVERY == 0:
                await in_thread(services.set_typing, next(self._typists), self._busy, True)

    async def _write(self, chat_id: int) -> None:
        from chats import services
        from foundation.database import in_thread

        text = f"{time.monotonic_ns()} ".ljust(TEXT_CHARACTERS, ".")
        await in_thread(services.send_message, next(self._users), chat_id, text)
