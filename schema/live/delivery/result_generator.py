"""Runs one subscription as an async generator of results, for code that pulls: `schema.subscribe(...)`."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable
from typing import Any

import msgspec
from graphql import GraphQLError, SourceLocation
from strawberry.types.execution import ExecutionResult, PreExecutionError

from foundation.errors import ErrorCode, ParlorError
from schema.context import Context
from schema.documents.prepared import PreparedOperation
from schema.errors import FormattedError, errors_of
from schema.live.delivery.subscribe import subscribe
from schema.live.outlet import LiveOperation

# How many results may wait for the consumer before the feed holds durable events back.
MAX_QUEUED_RESULTS = 32

Prepare = Callable[[], Awaitable[PreparedOperation]]

_decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode


async def generate_results(
    prepare: Prepare, context: Context
) -> AsyncGenerator[PreExecutionError | ExecutionResult, None]:
    """The results of a subscription: one for each event, until the feed ends or the generator is closed.

    If the document or the feed is refused, that is one PreExecutionError. A feed that fails later ends with an
    ExecutionResult that has errors and no data.
    """
    queue = ResultQueue(MAX_QUEUED_RESULTS)
    try:
        operation = await _start(prepare, context, queue)
    except Exception as error:
        yield PreExecutionError(data=None, errors=_graphql_errors(errors_of(error)))
        return
    try:
        while (result := await queue.take()) is not None:
            yield result
            if queue.reopen():
                _resume(operation, queue)
    finally:
        operation.stop()


async def _start(prepare: Prepare, context: Context, queue: "ResultQueue") -> LiveOperation:
    prepared = await prepare()
    if prepared.kind != "subscription":
        raise ParlorError(ErrorCode.BAD_INPUT, "This is no subscription: use schema.execute.")
    return await subscribe(prepared, context, queue)


def _resume(operation: LiveOperation, queue: "ResultQueue") -> None:
    try:
        operation.resume()
    except Exception as error:
        queue.fail(errors_of(error))


class ResultQueue:
    """The Outlet of one consumer. It closes at `capacity` results and opens again once all of them are taken.

    So it never holds more durable results than that, and as many ephemeral ones: the latest of each key.
    """

    def __init__(self, capacity: int) -> None:
        self.open = True
        self._capacity = capacity
        self._results: deque[ExecutionResult] = deque()
        self._latest: dict[Hashable, bytes] = {}
        self._ended = False
        self._changed = asyncio.Event()

    def next(self, payload: bytes) -> None:
        """Queue a durable result."""
        self._put(_result(payload))
        if len(self._results) >= self._capacity:
            self.open = False

    def replace(self, key: Hashable, payload: bytes) -> None:
        """Queue an ephemeral result; while the queue is closed, keep the latest of its key."""
        if self.open:
            self.next(payload)
            return
        self._latest.pop(key, None)
        self._latest[key] = payload
        if len(self._latest) > self._capacity:
            del self._latest[next(iter(self._latest))]

    def complete(self) -> None:
        """End after what is queued."""
        self._ended = True
        self._changed.set()

    def fail(self, errors: list[FormattedError]) -> None:
        """End with the errors, after what is queued."""
        self._put(ExecutionResult(data=None, errors=_graphql_errors(errors)))
        self.complete()

    async def take(self) -> ExecutionResult | None:
        """The next result, as soon as there is one; None once the operation has ended and all results are taken."""
        while not self._results and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        return self._results.popleft() if self._results else None

    def reopen(self) -> bool:
        """Open the queue if it was closed and is empty now. True if so: the operation should be resumed."""
        if self.open or self._results or self._ended:
            return False
        self.open = True
        latest, self._latest = self._latest, {}
        for key, payload in latest.items():
            self.replace(key, payload)
        return True

    def _put(self, result: ExecutionResult) -> None:
        self._results.append(result)
        self._changed.set()


def _result(payload: bytes) -> ExecutionResult:
    body = _decode(payload)
    return ExecutionResult(data=body["data"], errors=_graphql_errors(body.get("errors", ())) or None)


def _graphql_errors(formatted: Iterable[FormattedError]) -> list[GraphQLError]:
    return [_graphql_error(error) for error in formatted]


def _graphql_error(formatted: FormattedError) -> GraphQLError:
    """The error as its client sees it, so that a masked one stays masked."""
    found: Any = formatted
    error = GraphQLError(found["message"], path=found.get("path"), extensions=found.get("extensions"))
    locations = found.get("locations")
    if locations:
        error.locations = [SourceLocation(place["line"], place["column"]) for place in locations]
    return error
