"""The consumer, to be served by real servers, with operations made for what servers differ in.

`stream N` sends N payloads as fast as flow control lets it; `flood N` sends them whether the outlet is open or not;
`big N` answers with N bytes; `hang` never ends; `close NAME` closes the socket with that code.
"""

import asyncio
import json
import os
from typing import cast

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
django.setup()

from api.process.logs import tidy_logs_of_servers  # noqa: E402
from api.socket.client_socket import ClientSocket  # noqa: E402
from api.socket.close_codes import CloseCode  # noqa: E402
from api.socket.consumer import GraphQLConsumer  # noqa: E402
from api.socket.interfaces import SocketDependencies  # noqa: E402
from api.socket.limits import SocketLimits  # noqa: E402
from schema.context import Context  # noqa: E402
from schema.execution import OperationRequest, PreparedOperation  # noqa: E402
from schema.live.outlet import LiveOperation, Outlet  # noqa: E402
from tests.api.socket.fakes import FakeGate, FakePrepared, FakeSockets  # noqa: E402


class Stream:
    """Numbers from 0 on, at least 100 bytes each."""

    def __init__(self, outlet: Outlet, count: int, size: int) -> None:
        self._outlet = outlet
        self._count = count
        self._padding = "x" * size
        self._sent = 0
        self._stopped = False

    def resume(self) -> None:
        """Go on."""
        while self._sent < self._count and not self._stopped and self._outlet.open:
            self._outlet.next(b'{"data":{"number":%d,"padding":"%s"}}' % (self._sent, self._padding.encode()))
            self._sent += 1
        if self._sent == self._count and not self._stopped:
            self._stopped = True
            self._outlet.complete()

    def stop(self) -> None:
        """End."""
        self._stopped = True


class ServedOperations:
    """Runs the documents above."""

    async def prepare(self, request: OperationRequest) -> PreparedOperation:
        """Read the first word."""
        word = (request.query or "").split()[0]
        kind = "subscription" if word in ("stream", "flood") else "query"
        return cast(PreparedOperation, FakePrepared(kind, request))

    async def execute(self, prepared: PreparedOperation, context: Context) -> bytes:
        """Answer."""
        word, argument = (prepared.request.query or "").split()
        if word == "close":
            assert isinstance(context.socket, ClientSocket)
            context.socket.close(CloseCode[argument])
        if word == "hang":
            await asyncio.Event().wait()
        if word == "big":
            return json.dumps({"data": "x" * int(argument)}).encode()
        tasks = sum("Operation.run" in str(task.get_coro()) for task in asyncio.all_tasks())
        return json.dumps({"data": {"tasks": tasks, "sockets": len(sockets.present)}}).encode()

    async def subscribe(self, prepared: PreparedOperation, context: Context, outlet: Outlet) -> LiveOperation:
        """Start a stream."""
        del context
        _word, count, size = (prepared.request.query or "").split()
        stream = Stream(outlet, int(count), int(size))
        asyncio.get_running_loop().call_soon(stream.resume)
        return stream


sockets = FakeSockets()


def services() -> SocketDependencies:
    """The outside of each connection."""
    return SocketDependencies(ServedOperations(), FakeGate(), sockets, SocketLimits.from_settings())


tidy_logs_of_servers()
application = GraphQLConsumer(services)
