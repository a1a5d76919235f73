"""Stand-ins for `schema.execution`, so that the transport is tested alone."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from auth.identity import Identity
from schema import execution
from schema.context import Context
from schema.errors import RequestRefused
from schema.execution import OperationRequest, PreparedOperation
from schema.live.outlet import LiveOperation, Outlet

SUBSCRIPTION = "subscription { connectionFeed { __typename } }"


class FakeLive:
    """A live operation that the test drives."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.resumed = 0
        self.stopped = asyncio.Event()
        self.on_resume: Callable[[], None] = lambda: None

    def resume(self) -> None:
        """Count the call."""
        self.resumed += 1
        self.on_resume()

    def stop(self) -> None:
        """Record the call."""
        self.stopped.set()


class FakeExecutor:
    """Answers every operation with `payload`, or raises `error`; hands subscriptions to the test."""

    def __init__(self) -> None:
        self.payload = msgspec.json.encode({"data": {"__typename": "Query"}})
        self.error: Exception | None = None
        self.executed: list[PreparedOperation] = []
        self.contexts: list[Context] = []
        self.lives: asyncio.Queue[FakeLive] = asyncio.Queue()

    async def prepare(self, request: OperationRequest, /) -> PreparedOperation:
        """Prepare the request as the schema does."""
        return await execution.prepare(request)

    async def execute(self, prepared: PreparedOperation, context: Context, /) -> bytes:
        """Record the call and answer it."""
        self.executed.append(prepared)
        self.contexts.append(context)
        if self.error is not None:
            raise self.error
        return self.payload

    async def subscribe(
        self, _prepared: PreparedOperation, context: Context, outlet: Outlet, /
    ) -> LiveOperation:
        """Record the call and start a live operation."""
        self.contexts.append(context)
        if self.error is not None:
            raise self.error
        live = FakeLive(outlet)
        self.lives.put_nowait(live)
        return live


def identity_of(
    user_id: int = 1, *, session_id: str = "session", life: timedelta = timedelta(minutes=5)
) -> Identity:
    """An identity that is valid for `life`."""
    now = datetime.now(UTC)
    return Identity(user_id, session_id, "token", expires_at=now + life, issued_at=now)


def refusal(code: str, http_status: int = 400) -> RequestRefused:
    """A request error as `schema` raises it."""
    return RequestRefused([{"message": "refused", "extensions": {"code": code}}], http_status)
