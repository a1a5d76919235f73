"""TurnWriter's assumptions about Twisted's TCP transport hold on a real connection."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions

from api.servers.turn_writes import TurnWriter

MORE_THAN_THE_KERNEL_TAKES = b"x" * 8 * 2**20
TIMEOUT_SECONDS = 30


class Connection:
    """A connection: Twisted's transport at the server's end, and a reader at the client's."""

    def __init__(self, transport: Any, reader: asyncio.StreamReader, monkeypatch: pytest.MonkeyPatch) -> None:
        self.transport = transport
        self._reader = reader
        self._write = transport.write
        self.written_by_twisted: list[bytes] = []
        monkeypatch.setattr(transport, "write", self._record)

    def _record(self, data: bytes) -> None:
        self.written_by_twisted.append(data)
        self._write(data)

    async def read(self, size: int) -> bytes:
        """Return the next bytes that reach the client."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self._reader.readexactly(size)


@pytest.fixture
async def connection(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connection]:
    """Open a connection to a Twisted server that runs on the event loop of the test."""
    reactor: Any = AsyncioSelectorReactor(asyncio.get_running_loop())
    connected: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    class Accepting(Protocol):
        def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
            connected.set_result(self.transport)

    port = reactor.listenTCP(0, Factory.forProtocol(Accepting), interface="127.0.0.1")
    reader, writer = await asyncio.open_connection("127.0.0.1", port.getHost().port)
    transport = await connected
    yield Connection(transport, reader, monkeypatch)
    transport.abortConnection()
    writer.close()
    await asyncio.wait_for(port.stopListening().asFuture(asyncio.get_running_loop()), TIMEOUT_SECONDS)
    reactor.removeReader(reactor.waker)
    reactor.waker.connectionLost(None)


async def test_the_writes_of_a_turn_go_to_the_kernel_past_twisted(connection: Connection) -> None:
    """So the private names exist, and say that no older data waits."""
    writer = TurnWriter(connection.transport)
    for piece in (b"one ", b"and ", b"two"):
        writer.write(piece)
    assert await connection.read(11) == b"one and two"
    assert connection.written_by_twisted == []


async def test_later_writes_stay_behind_data_that_the_kernel_did_not_take(connection: Connection) -> None:
    """Twisted counts new data in `_tempDataLen`, and moves it to `dataBuffer` to write it."""
    transport, writer = connection.transport, TurnWriter(connection.transport)
    writer.write(MORE_THAN_THE_KERNEL_TAKES)
    (rest,) = connection.written_by_twisted
    assert 0 < len(rest) < len(MORE_THAN_THE_KERNEL_TAKES)
    assert (transport._tempDataLen, transport.dataBuffer) == (len(rest), b"")
    writer.write(b"behind")
    writer.flush()
    assert connection.written_by_twisted == [rest, b"behind"]
    transport.doWrite()
    assert transport._tempDataLen == 0
    assert transport.dataBuffer
    writer.write(b"it")
    writer.flush()
    assert connection.written_by_twisted == [rest, b"behind", b"it"]
    everything = MORE_THAN_THE_KERNEL_TAKES + b"behindit"
    assert await connection.read(len(everything)) == everything
    writer.write(b"and at once again")
    assert await connection.read(17) == b"and at once again"
    assert connection.written_by_twisted == [rest, b"behind", b"it"]


async def test_encrypted_data_goes_through_twisted(connection: Connection) -> None:
    assert not connection.transport.TLS
    connection.transport.startTLS(CertificateOptions())
    assert connection.transport.TLS
    TurnWriter(connection.transport).write(b"a secret")
    await asyncio.sleep(0)
    assert connection.written_by_twisted == [b"a secret"]


class Renamed:
    """A transport without one of its attributes, as after an upgrade."""

    def __init__(self, transport: Any, missing: str) -> None:
        self._transport = transport
        self._missing = missing

    def __getattr__(self, name: str) -> Any:
        if name == self._missing:
            raise AttributeError(name)
        return getattr(self._transport, name)


@pytest.mark.parametrize("name", ["_tempDataLen", "dataBuffer", "TLS"])
async def test_without_one_of_the_names_all_data_goes_through_twisted(
    connection: Connection, name: str
) -> None:
    assert hasattr(connection.transport, name)
    TurnWriter(Renamed(connection.transport, name)).write(b"slowly")
    assert await connection.read(6) == b"slowly"
    assert connection.written_by_twisted == [b"slowly"]
