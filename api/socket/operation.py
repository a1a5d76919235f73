"""One operation on a socket, from its `subscribe` to its end, and for a feed the outlet that it writes to."""

import asyncio
from collections.abc import Hashable
from typing import TYPE_CHECKING

from api.socket.frames import OperationFrames, SubscribePayload
from foundation.errors import ErrorCode, ParlorError
from schema.errors import MASKED_MESSAGE, FormattedError, RequestRefused, log_masked, refused
from schema.execution import OperationRequest
from schema.live.outlet import LiveOperation

if TYPE_CHECKING:
    from api.socket.client_socket import ClientSocket
    from api.socket.operation_table import OperationTable


class Operation:
    """A query, a mutation or a feed. After its end, whoever ended it, no frame of it is sent.

    For `schema.live` it is the feed's Outlet, for the outbox a Waiter.
    """

    __slots__ = ("_ended", "_frames", "_held", "_live", "_outbox", "_table", "id", "kind", "task")

    def __init__(self, operation_id: str, table: "OperationTable") -> None:
        self.id = operation_id
        self.kind: str | None = None
        self.task: asyncio.Task[None] | None = None
        self._table = table
        self._outbox = table.outbox
        self._frames = OperationFrames(operation_id)
        self._ended = False
        self._live: LiveOperation | None = None
        self._held: dict[Hashable, bytes] | None = None

    async def run(self, request: SubscribePayload, connection: "ClientSocket") -> None:
        """Run to the end, or to where a feed goes on by itself. Raises nothing but CancelledError."""
        try:
            await self._work(request, connection)
        except asyncio.CancelledError as error:
            # When not from `abandon`, something below was cancelled, and the client would wait for ever.
            if not self._ended:
                self.fail(_masked(error))
            raise
        except Exception as error:
            if self._ended:
                log_masked(error)
            else:
                self.fail(errors_of(error))

    async def _work(self, request: SubscribePayload, connection: "ClientSocket") -> None:
        executor = self._table.executor
        prepared = await executor.prepare(
            OperationRequest(request.query, request.operation_name, request.variables, request.extensions)
        )
        if self._has_ended():
            return
        self._table.enter(self, prepared.kind)
        context = connection.context()
        if prepared.kind != "subscription":
            payload = await executor.execute(prepared, context)
            self.next(payload)
            self.complete()
            return
        live = await executor.subscribe(prepared, context, self)
        if self._has_ended():
            live.stop()
        else:
            self._live = live

    def abandon(self) -> None:
        """The client left: stop, and send nothing more.

        A mutation is carried out all the same, since half of one helps nobody.
        """
        if not self._end():
            return
        if self._live is not None:
            self._live.stop()
        elif self.task is not None and self.kind != "mutation":
            self.task.cancel()

    # --- Outlet

    @property
    def open(self) -> bool:
        """False while the client owes more than its window; a feed that asks then is resumed when that is over."""
        if self._outbox.open:
            return True
        if not self._ended:
            self._outbox.wait(self)
        return False

    def next(self, payload: bytes) -> None:
        """Send a payload at once, open or not: to hold back is the feed's part."""
        if not self._ended:
            self._outbox.send(self._frames.next(payload), self._frames.next_overhead + len(payload))

    def replace(self, key: Hashable, payload: bytes) -> None:
        """Send a payload, or keep it as the latest of its key until the outlet opens."""
        if self._ended:
            return
        if self._held is None and self._outbox.open:
            self.next(payload)
            return
        if self._held is None:
            self._held = {}
        before = self._held.pop(key, b"")
        self._held[key] = payload
        self._outbox.wait(self)
        self._outbox.hold(len(payload) - len(before))

    def complete(self) -> None:
        """End with `complete`."""
        if self._end():
            text = self._frames.complete()
            self._outbox.send(text, len(text))

    def fail(self, errors: list[FormattedError]) -> None:
        """End with `error`."""
        if self._end():
            text = self._frames.error(errors)
            self._outbox.send(text, len(text))

    # --- Waiter

    def reopened(self) -> None:
        """Send what was held, then let the feed catch up."""
        while self._held:
            if not self.open:
                return
            payload = self._held.pop(next(iter(self._held)))
            self._outbox.hold(-len(payload))
            self.next(payload)
        self._held = None
        if self._live is None or self._ended:
            return
        try:
            self._live.resume()
        except Exception as error:
            self.fail(errors_of(error))
            self._live.stop()

    def _has_ended(self) -> bool:
        return self._ended

    def _end(self) -> bool:
        if self._ended:
            return False
        self._ended = True
        self._table.remove(self)
        self._outbox.forget(self)
        if self._held:
            self._outbox.hold(-sum(map(len, self._held.values())))
        self._held = None
        return True


def errors_of(error: Exception) -> list[FormattedError]:
    """The errors of an operation that could not run, as its client sees them; the unforeseen is logged and masked."""
    if isinstance(error, RequestRefused):
        return error.errors
    if isinstance(error, ParlorError):
        return refused(error).errors
    return _masked(error)


def _masked(error: BaseException) -> list[FormattedError]:
    extensions = {"code": ErrorCode.INTERNAL.value, "errorId": log_masked(error)}
    return [{"message": MASKED_MESSAGE, "extensions": extensions}]
