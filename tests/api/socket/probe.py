"""Pings a socket until its standard input ends, then prints how long each pong took; seconds, as JSON."""

import asyncio
import json
import sys
import time

from tests.client import SocketClient

PAUSE_SECONDS = 0.01


async def main(url: str) -> None:
    """Measure."""
    waits: list[float] = []
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    async with await SocketClient.connect(url, "good") as client:
        print("ready", flush=True)  # noqa: T201 - what this process is for
        while not ended.done():
            started = time.perf_counter()
            await client.ping()
            waits.append(time.perf_counter() - started)
            await asyncio.wait([ended], timeout=PAUSE_SECONDS)
    print(json.dumps(waits))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
