"""Cancels tasks and waits until they have ended."""

import asyncio
from typing import Any

# Some libraries swallow a cancellation, so it is repeated after this many seconds.
REPEAT_SECONDS = 1.0


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and return when all have ended. Their exceptions are not raised and count as retrieved."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=REPEAT_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.exception()
