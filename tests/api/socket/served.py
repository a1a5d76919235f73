"""The consumer with fake operations, for tests of what differs between server programs.

`stream N SIZE` sends N payloads as fast as flow control allows; `hang` never ends; `count` answers with the number of
operations and sockets; `close NAME` closes the socket with that code.
"""

import asyncio
import json
import os
from typing import cast

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
django.setup()

from api.http.allowed_origins import may_open_socket  # noqa: E402
from api.process.logs import filter_server_logs  # noqa: E402
from api.socket.client_socket import ClientSocket  # noqa: E402
from api.socket.close_codes import CloseCode  # noqa: E402
from api.socket.consumer import GraphQLConsumer  # noqa: E402
from api.socket.interfaces import SocketDependencies  # noqa: E402
from api.socket.limits import SocketLimits  # noqa: E402
from schema.context import Context  # noqa: E402
from schema.execution import OperationRequest, PreparedOperation  # noqa: E402
from schema.live.outlet import LiveOperation, Outlet  # noqa: E402
from tests.api.socket.fakes import FakeAuthenticator, FakePrepared, FakeRegistry  # noqa: E402


class NumberFeed:
    """Sends numbers from 0 on, each padded by `size` characters."""

    def __init__(self, outlet: Outlet, count: int, size: int) -> None:
        self._outlet = outlet
        self._count = count
        self._padding = "x" * size
        self._sent = 0
        self._stopped = False

    def resume(self) -> None:
        """Send until the outlet closes or all are sent."""
        while self._sent < self._count and not self._stopped and self._outlet.open:
            self._outlet.next(b'{"data":{"number":%d,"padding":"%s"}}' % (self._sent, self._padding.encode()))
            self._sent += 1
        if self._sent == self._count and not self._stopped:
            self._stopped = True
            self._outlet.complete()

    def stop(self) -> None:
        """Send no more."""
        self._stopped = True


class ServedExecutor:
    """Executes the documents above."""

    async def prepare(self, request: OperationRequest) -> PreparedOperation:
        """Read the first word."""
        word = (request.query or "").split()[0]
        kind = "subscription" if word == "stream" else "query"
        return cast(PreparedOperation, FakePrepared(kind, request))

    async def execute(self, prepared: PreparedOperation, context: Context) -> bytes:
        """Answer."""
        word, argument = (prepared.request.query or "").split()
        if word == "close":
            assert isinstance(context.socket, ClientSocket)
            context.socket.close(CloseCode[argument])
        if word == "hang":
            await asyncio.Event().wait()
        tasks = sum("Operation.run" in str(task.get_coro()) for task in asyncio.all_tasks())
        return json.dumps({"data": {"tasks": tasks, "sockets": len(registry.admitted)}}).encode()

    async def subscribe(self, prepared: PreparedOperation, context: Context, outlet: Outlet) -> LiveOperation:
        """Start a stream."""
        del context
        _word, count, size = (prepared.request.query or "").split()
        stream = NumberFeed(outlet, int(count), int(size))
        asyncio.get_running_loop().call_soon(stream.resume)
        return stream


registry = FakeRegistry()


def dependencies() -> SocketDependencies:
    """The stand-ins around each socket."""
    return SocketDependencies(ServedExecutor(), FakeAuthenticator(), registry, SocketLimits.from_settings())


filter_server_logs()
application = GraphQLConsumer(dependencies, may_open_socket)
