"""The operations of one socket by their id, and the limits on how many run at once."""

import asyncio
from functools import partial

from api.socket.client_operation import ClientOperation
from api.socket.close_codes import CloseCode
from api.socket.flow_control import Outbox
from api.socket.frames import FrameError, OperationFrames, Subscribe
from api.socket.limits import SocketLimits
from foundation.errors import ErrorCode, ParlorError
from schema.context import Context
from schema.errors import FormattedError, errors_of, log_masked
from schema.execution import Executor

# All tasks of this process that run an operation: the loop itself keeps tasks by weak references only. A set for each
# socket would be 0.2 kB for what is over in milliseconds.
_tasks: set[asyncio.Task[None]] = set()

# An operation may end at any moment, so a refusal for lack of room can name no better time.
RETRY_WHEN_FULL_MS = 1000


async def wait_for_operations(seconds: float) -> None:
    """Wait, `seconds` at most, until the operations that sockets of this process started have ended.

    Once the sockets are closed, only mutations are left, which run to their end.
    """
    if _tasks:
        await asyncio.wait(_tasks.copy(), timeout=seconds)


class OperationTable:
    """All operations of a socket. An id is free the moment its operation has ended for the client."""

    __slots__ = ("_by_id", "_feed_count", "_limits", "_running_count", "_task_count", "executor", "outbox")

    def __init__(self, executor: Executor, outbox: Outbox, limits: SocketLimits) -> None:
        self.executor = executor
        self.outbox = outbox
        self._limits = limits
        self._by_id: dict[str, ClientOperation] = {}
        self._task_count = 0
        self._feed_count = 0
        self._running_count = 0

    def check_free(self, operation_id: str) -> None:
        """Raise the FrameError 4409 when the id is in use."""
        if operation_id in self._by_id:
            reason = f"Subscriber for {operation_id} already exists."
            raise FrameError(CloseCode.SUBSCRIBER_ALREADY_EXISTS, reason)

    def start(self, frame: Subscribe, context: Context) -> None:
        """Start the operation of a frame whose id is free. Any fault of it is an `error` for its id."""
        # The limits of each kind are checked once the kind is known. This one is for operations still in preparation.
        limit = 2 * (self._limits.max_feeds + self._limits.max_running_operations)
        if self._task_count >= limit:
            self.refuse(frame.id, errors_of(_full("operations at once", limit)))
            return
        operation = ClientOperation(frame.id, self)
        self._by_id[frame.id] = operation
        task = asyncio.get_running_loop().create_task(operation.run(frame.payload, context))
        operation.task = task
        _tasks.add(task)
        self._task_count += 1
        task.add_done_callback(partial(self._on_task_done, operation))

    def refuse(self, operation_id: str, errors: list[FormattedError]) -> None:
        """Answer an operation that never started."""
        text = OperationFrames(operation_id).error(errors)
        self.outbox.send(text, len(text))

    def complete(self, operation_id: str) -> bool:
        """The client ends an operation. False when it had ended already: the two messages may cross."""
        operation = self._by_id.get(operation_id)
        if operation is None:
            return False
        operation.abandon()
        return True

    def abandon_all(self) -> None:
        """The socket is gone. A feed that fails to stop keeps no other from stopping."""
        for operation in list(self._by_id.values()):
            try:
                operation.abandon()
            except Exception as error:
                log_masked(error)

    # --- OperationOwner

    def count(self, operation: ClientOperation, kind: str) -> None:
        """Set the operation's kind and count it against the limit of that kind. Raises RATE_LIMITED above it."""
        if kind == "subscription":
            if self._feed_count >= self._limits.max_feeds:
                raise _full("live operations", self._limits.max_feeds)
            self._feed_count += 1
        else:
            if self._running_count >= self._limits.max_running_operations:
                raise _full("queries and mutations at once", self._limits.max_running_operations)
            self._running_count += 1
        operation.kind = kind

    def remove(self, operation: ClientOperation) -> None:
        """Free the id of an operation that has ended for the client."""
        del self._by_id[operation.id]
        if operation.kind == "subscription":
            self._feed_count -= 1

    def _on_task_done(self, operation: ClientOperation, task: asyncio.Task[None]) -> None:
        _tasks.discard(task)
        self._task_count -= 1
        operation.task = None
        # Here and not in `remove`: a mutation that the client has abandoned still runs.
        if operation.kind in ("query", "mutation"):
            self._running_count -= 1


def _full(what: str, limit: int) -> ParlorError:
    return ParlorError(
        ErrorCode.RATE_LIMITED,
        f"This socket has its {limit} {what}: end one first.",
        limit=limit,
        retryAfterMs=RETRY_WHEN_FULL_MS,
    )
