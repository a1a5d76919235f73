"""`/health/live` and `/health/ready`, for load balancers and for the supervisor that restarts this process.

They accept any Host, since probes use addresses, and reveal nothing but the names of the failed checks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec
from django.conf import settings
from django.db import connection

from api.http.asgi_messages import Receive, Scope, Send, respond
from api.process.drain import is_draining
from foundation.database import in_thread
from foundation.outage_log import OutageLog
from foundation.per_loop import PerLoop
from foundation.redis import async_redis

logger = logging.getLogger(__name__)

LIVE_PATH, READY_PATH = "/health/live", "/health/ready"
PATHS = (LIVE_PATH, READY_PATH)

_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


async def health(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer one request (an ASGI application): 200, or 503 with the names of the checks that failed."""
    if scope["method"] not in ("GET", "HEAD"):
        await respond(send, 405, ((b"allow", b"GET, HEAD"),), b"")
        return
    failed = [] if scope["path"] == LIVE_PATH else await failed_checks()
    body = msgspec.json.encode({"ok": not failed, "failed": failed})
    await respond(send, 503 if failed else 200, _HEADERS, b"" if scope["method"] == "HEAD" else body)


async def failed_checks() -> list[str]:
    """Why this process cannot serve: any of "draining", "database", "redis". Takes HEALTH_TIMEOUT_SECONDS at most."""
    if is_draining():
        return ["draining"]
    probes = _probes()
    results = await asyncio.gather(*(probe.passes() for probe in probes))
    failed = [probe.name for probe, passed in zip(probes, results, strict=True) if not passed]
    return ["draining"] if is_draining() else failed


class Probe:
    """One check, shared by all callers: it runs once at a time, and at most once in HEALTH_CACHE_SECONDS."""

    def __init__(self, name: str, check: Callable[[], Awaitable[object]]) -> None:
        self.name = name
        self._check = check
        self._running: asyncio.Task[bool] | None = None
        self._passed = False
        self._cached_until = 0.0
        self._outage = OutageLog(
            logger, f"Not ready: the {name} check fails.", f"the {name} check passes again."
        )

    async def passes(self) -> bool:
        """Whether the check passes. It fails after HEALTH_TIMEOUT_SECONDS, and then goes on in the background."""
        loop = asyncio.get_running_loop()
        if self._running is None and loop.time() < self._cached_until:
            return self._passed
        if self._running is None:
            self._running = loop.create_task(self._run(), name=f"check {self.name}")
        running = self._running
        await asyncio.wait([running], timeout=settings.HEALTH_TIMEOUT_SECONDS)
        return running.done() and not running.cancelled() and running.result()

    async def _run(self) -> bool:
        try:
            await self._check()
            self._passed = True
            self._outage.succeeded()
        except Exception as error:
            self._passed = False
            self._outage.failed(error)
        finally:
            self._cached_until = asyncio.get_running_loop().time() + settings.HEALTH_CACHE_SECONDS
            self._running = None
        return self._passed


def _make_probes() -> tuple[Probe, ...]:
    return (
        Probe("database", lambda: in_thread(_query_database)),
        Probe("redis", lambda: async_redis().ping()),
    )


def _query_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


_probes = PerLoop(_make_probes)
