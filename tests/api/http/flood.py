"""An application whose subscriptions send as much as the client takes, for tests under real server programs.

The query `Idle` answers once no subscription runs; `Sent` answers with the bytes that the last one has queued.
"""

import asyncio
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
django.setup()

from api.http.app import GraphQLHTTP  # noqa: E402 - Django must be set up first
from schema import execution  # noqa: E402
from schema.context import Context  # noqa: E402
from schema.execution import OperationRequest, PreparedOperation  # noqa: E402
from schema.live.outlet import LiveOperation, Outlet  # noqa: E402

PAYLOAD = b'{"data":"' + b"x" * 10_000 + b'"}'


class Flood:
    """A subscription with endless results, which it sends whenever its outlet is open."""

    def __init__(self, outlet: Outlet, running: set["Flood"], idle: asyncio.Condition) -> None:
        self._outlet = outlet
        self._running = running
        self._idle = idle
        self._notices: set[asyncio.Task[None]] = set()
        self.sent = 0
        running.add(self)
        self.resume()

    def resume(self) -> None:
        """Fill the window."""
        while self._outlet.open:
            self._outlet.next(PAYLOAD)
            self.sent += len(PAYLOAD)

    def stop(self) -> None:
        """End, and notify the waiting `Idle` queries."""
        self._running.discard(self)
        task = asyncio.create_task(self._notify())
        self._notices.add(task)

    async def _notify(self) -> None:
        async with self._idle:
            self._idle.notify_all()


class FloodExecutor:
    """Starts floods and answers `Idle` and `Sent`."""

    def __init__(self) -> None:
        self._running: set[Flood] = set()
        self._idle = asyncio.Condition()
        self._last: Flood | None = None

    async def execute(self, prepared: PreparedOperation, _context: Context, /) -> bytes:
        """Answer `Idle` and `Sent`."""
        if prepared.request.operation_name == "Idle":
            async with self._idle:
                await self._idle.wait_for(lambda: not self._running)
        return b'{"data":%d}' % (self._last.sent if self._last else 0)

    async def prepare(self, request: OperationRequest, /) -> PreparedOperation:
        """Prepare the request as the schema does."""
        return await execution.prepare(request)

    async def subscribe(
        self, _prepared: PreparedOperation, _context: Context, outlet: Outlet, /
    ) -> LiveOperation:
        """Start a flood."""
        self._last = Flood(outlet, self._running, self._idle)
        return self._last


application = GraphQLHTTP(FloodExecutor())
