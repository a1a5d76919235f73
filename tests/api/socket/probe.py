"""Pings a socket until its standard input ends, then prints the CPU seconds that the server spent until each pong.

Not the time until the pong: on a busy machine that would measure the machine.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.client import SocketClient

PAUSE_SECONDS = 0.01


def clock(process_id: int) -> Callable[[], float]:
    """A clock of the CPU time of the process's loop; where the system does not report that, of real time."""
    said = Path(f"/proc/{process_id}/schedstat")  # nanoseconds of its main thread come first
    return (lambda: int(said.read_text().split()[0]) / 1e9) if said.exists() else time.perf_counter


async def main(url: str, busy: Callable[[], float]) -> None:
    """Measure."""
    waits: list[float] = []
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    async with await SocketClient.connect(url, "good") as client:
        print("ready", flush=True)  # noqa: T201 - what this process is for
        while not ended.done():
            started = busy()
            await client.ping()
            waits.append(busy() - started)
            await asyncio.wait([ended], timeout=PAUSE_SECONDS)
    print(json.dumps(waits))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], clock(int(sys.argv[2]))))
