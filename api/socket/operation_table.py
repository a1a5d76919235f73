"""The operations that run on one socket: their ids and their bounds."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from api.socket.close_codes import CloseCode
from api.socket.flow_control import Outbox
from api.socket.frames import FrameError, OperationFrames, Subscribe
from api.socket.interfaces import Executor
from api.socket.limits import SocketLimits
from api.socket.operation import Operation, errors_of
from foundation.errors import ErrorCode, ParlorError
from schema.errors import FormattedError, log_masked

if TYPE_CHECKING:
    from api.socket.client_socket import ClientSocket

# All tasks of a process that run an operation: the loop itself keeps tasks by weak references only. A set for each
# socket would be 0.2 kB for what is over in milliseconds.
_tasks: set[asyncio.Task[None]] = set()

# Room comes when an operation ends, so a refusal for want of it can name no better time.
RETRY_WHEN_FULL_MS = 1000


async def all_ended(seconds: float) -> None:
    """Wait until what the sockets of this process began has ended, `seconds` at most.

    Once they are closed that is their mutations alone, which are carried out all the same.
    """
    if _tasks:
        await asyncio.wait(_tasks.copy(), timeout=seconds)


class OperationTable:
    """All operations of a connection by their id. An id is free the moment its operation has ended for the client."""

    __slots__ = (
        "_by_id",
        "_connection",
        "_feeds",
        "_limits",
        "_running",
        "_task_count",
        "executor",
        "outbox",
    )

    def __init__(
        self, connection: "ClientSocket", executor: Executor, outbox: Outbox, limits: SocketLimits
    ) -> None:
        self._connection = connection
        self.executor = executor
        self.outbox = outbox
        self._limits = limits
        self._by_id: dict[str, Operation] = {}
        self._task_count = 0
        self._feeds = 0
        self._running = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def check_free(self, operation_id: str) -> None:
        """Raise the FrameError 4409 when the id is in use."""
        if operation_id in self._by_id:
            reason = f"Subscriber for {operation_id} already exists."
            raise FrameError(CloseCode.SUBSCRIBER_ALREADY_EXISTS, reason)

    def start(self, frame: Subscribe) -> None:
        """Start the operation of a frame whose id is free. Whatever is wrong with it is an `error` for its id."""
        # The two bounds proper are checked once the kind is known. This one is for what has not come so far.
        most = 2 * (self._limits.max_feeds + self._limits.max_running_operations)
        if self._task_count >= most:
            self.refuse(frame.id, errors_of(_full("operations at once", most)))
            return
        operation = Operation(frame.id, self)
        self._by_id[frame.id] = operation
        task = asyncio.get_running_loop().create_task(operation.run(frame.payload, self._connection))
        operation.task = task
        _tasks.add(task)
        self._task_count += 1
        task.add_done_callback(partial(self._finished, operation))

    def refuse(self, operation_id: str, errors: list[FormattedError]) -> None:
        """Answer an operation that never started."""
        text = OperationFrames(operation_id).error(errors)
        self.outbox.send(text, len(text))

    def complete(self, operation_id: str) -> bool:
        """The client wants no more of an operation. False for one that has ended already: the two may cross."""
        operation = self._by_id.get(operation_id)
        if operation is None:
            return False
        operation.abandon()
        return True

    def stop_all(self) -> None:
        """The socket is gone. A feed that fails to stop keeps no other from stopping."""
        for operation in list(self._by_id.values()):
            try:
                operation.abandon()
            except Exception as error:
                log_masked(error)

    # --- What operations tell

    def enter(self, operation: Operation, kind: str) -> None:
        """Count an operation, whose kind is now known, against its bound. Raises RATE_LIMITED above it."""
        if kind == "subscription":
            if self._feeds >= self._limits.max_feeds:
                raise _full("live operations", self._limits.max_feeds)
            self._feeds += 1
        else:
            if self._running >= self._limits.max_running_operations:
                raise _full("queries and mutations at once", self._limits.max_running_operations)
            self._running += 1
        operation.kind = kind

    def remove(self, operation: Operation) -> None:
        """Free the id of an operation that has ended for the client."""
        del self._by_id[operation.id]
        if operation.kind == "subscription":
            self._feeds -= 1

    def _finished(self, operation: Operation, task: asyncio.Task[None]) -> None:
        _tasks.discard(task)
        self._task_count -= 1
        operation.task = None
        # Here and not in `remove`: a mutation that the client left still runs.
        if operation.kind in ("query", "mutation"):
            self._running -= 1


def _full(what: str, limit: int) -> ParlorError:
    return ParlorError(
        ErrorCode.RATE_LIMITED,
        f"This socket has its {limit} {what}: end one first.",
        limit=limit,
        retryAfterMs=RETRY_WHEN_FULL_MS,
    )
