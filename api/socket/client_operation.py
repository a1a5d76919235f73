"""One operation on a socket, from its `subscribe` to its end; for a subscription also the outlet that it writes to."""

import asyncio
from collections.abc import Hashable
from typing import Protocol

from api.socket.flow_control import Outbox
from api.socket.frames import OperationFrames, SubscribePayload
from schema.context import Context
from schema.errors import FormattedError, errors_of, log_masked, masked
from schema.execution import Executor, OperationRequest
from schema.live.outlet import LiveOperation


class OperationOwner(Protocol):
    """What an operation needs of the table that holds it."""

    @property
    def executor(self) -> Executor:
        """Prepares and runs the operation."""

    @property
    def outbox(self) -> Outbox:
        """Sends the operation's frames."""

    def count(self, operation: "ClientOperation", kind: str) -> None:
        """Set the operation's kind and count it against the limit of that kind. Raises RATE_LIMITED above it."""

    def remove(self, operation: "ClientOperation") -> None:
        """Free the id of an operation that has ended for the client."""


class ClientOperation:
    """A query, a mutation or a subscription. Once it has ended, it sends no frame.

    For `schema.live` it is the subscription's Outlet, for the outbox an OutboxWaiter.
    """

    __slots__ = ("_ended", "_ephemeral", "_frames", "_live", "_outbox", "_owner", "id", "kind", "task")

    def __init__(self, operation_id: str, owner: OperationOwner) -> None:
        self.id = operation_id
        self.kind: str | None = None
        self.task: asyncio.Task[None] | None = None
        self._owner = owner
        self._outbox = owner.outbox
        self._frames = OperationFrames(operation_id)
        self._ended = False
        self._live: LiveOperation | None = None
        # While the outbox is closed: the latest ephemeral payload of each key.
        self._ephemeral: dict[Hashable, bytes] | None = None

    async def run(self, request: SubscribePayload, context: Context) -> None:
        """Run to the end or, for a subscription, until it is started. Raises nothing but CancelledError."""
        try:
            await self._execute(request, context)
        except asyncio.CancelledError as error:
            # Unless `abandon` did it, something below was cancelled, and the client would wait for ever.
            if not self._ended:
                self.fail([masked(error)])
            raise
        except Exception as error:
            if self._ended:
                log_masked(error)
            else:
                self.fail(errors_of(error))

    async def _execute(self, request: SubscribePayload, context: Context) -> None:
        executor = self._owner.executor
        prepared = await executor.prepare(
            OperationRequest(request.query, request.operation_name, request.variables, request.extensions)
        )
        if self._has_ended():
            return
        self._owner.count(self, prepared.kind)
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
        """The client has completed the operation or is gone: stop, and send nothing more.

        A mutation still runs to its end, since half of it would help nobody.
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
        """False while the client owes more than its window; a feed that sees False is resumed when that is over."""
        if self._outbox.open:
            return True
        if not self._ended:
            self._outbox.add_waiter(self)
        return False

    def next(self, payload: bytes) -> None:
        """Send a payload at once, whether the outlet is open or not: the feed decides when to hold back."""
        if not self._ended:
            self._outbox.send(self._frames.next(payload), self._frames.next_overhead + len(payload))

    def replace(self, key: Hashable, payload: bytes) -> None:
        """Send an ephemeral payload, or keep it as the latest of its key until the outlet opens."""
        if self._ended:
            return
        if self._ephemeral is None and self._outbox.open:
            self.next(payload)
            return
        if self._ephemeral is None:
            self._ephemeral = {}
        replaced = self._ephemeral.pop(key, b"")
        self._ephemeral[key] = payload
        self._outbox.add_waiter(self)
        self._outbox.add_withheld(len(payload) - len(replaced))

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

    # --- OutboxWaiter

    def on_outbox_open(self) -> None:
        """Send the withheld ephemeral payloads, then let the feed catch up."""
        while self._ephemeral:
            if not self.open:
                return
            payload = self._ephemeral.pop(next(iter(self._ephemeral)))
            self._outbox.add_withheld(-len(payload))
            self.next(payload)
        self._ephemeral = None
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
        """Mark the operation as ended; False when it had ended before."""
        if self._ended:
            return False
        self._ended = True
        self._owner.remove(self)
        self._outbox.remove_waiter(self)
        if self._ephemeral:
            self._outbox.add_withheld(-sum(map(len, self._ephemeral.values())))
        self._ephemeral = None
        return True
