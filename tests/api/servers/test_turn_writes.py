"""Joined writes to a Twisted transport."""

import asyncio
from typing import Any

import pytest

from api.servers import turn_writes
from api.servers.turn_writes import TurnWriter, text_frame


class Transport:
    """The parts of Twisted's TCP transport that are used; the kernel takes `room` bytes at once."""

    connected = True
    TLS = False
    _tempDataLen = 0  # noqa: N815

    def __init__(self, room: int | Exception = 1_000_000) -> None:
        self.room = room
        self.dataBuffer = b""
        self.taken: list[bytes] = []

    def writeSomeData(self, data: bytes) -> int | Exception:  # noqa: N802 - Twisted's name
        """Offer the data to the kernel."""
        if isinstance(self.room, Exception):
            return self.room
        self.taken.append(data[: self.room])
        return len(data[: self.room])

    def write(self, data: bytes) -> None:
        """Leave the data to Twisted."""
        self.dataBuffer += data


async def after(transport: Any, *pieces: bytes) -> TurnWriter:
    """Write the pieces in one turn of the loop, and wait for its end."""
    writer = TurnWriter(transport)
    for piece in pieces:
        writer.write(piece)
    await asyncio.sleep(0)
    return writer


async def test_the_writes_of_a_turn_go_out_together_at_its_end() -> None:
    one, other = Transport(), Transport()
    writers = [TurnWriter(one), TurnWriter(other)]
    for piece in (b"a", b"b"):
        for writer in writers:
            writer.write(piece)
    assert one.taken == other.taken == []
    await asyncio.sleep(0)
    assert one.taken == other.taken == [b"ab"]
    writers[0].write(b"c")
    await asyncio.sleep(0)
    assert (one.taken, other.taken) == ([b"ab", b"c"], [b"ab"])


@pytest.mark.parametrize(("room", "taken", "left"), [(2, [b"ab"], b"cd"), (OSError(), [], b"abcd")])
async def test_data_that_the_kernel_does_not_take_is_left_to_twisted(
    room: int | Exception, taken: list[bytes], left: bytes
) -> None:
    transport = Transport(room)
    writer = await after(transport, b"ab", b"cd")
    assert (transport.taken, transport.dataBuffer) == (taken, left)
    transport.room = 1_000_000
    writer.write(b"ef")  # behind what waits there
    writer.flush()
    assert (transport.taken, transport.dataBuffer) == (taken, left + b"ef")


@pytest.mark.parametrize("obstacle", ["connected", "TLS", "_tempDataLen"])
async def test_writes_to_a_transport_that_is_not_ready_are_left_to_twisted(obstacle: str) -> None:
    transport = Transport()
    setattr(transport, obstacle, not getattr(transport, obstacle))
    await after(transport, b"a")
    assert (transport.taken, transport.dataBuffer) == ([], b"a")


async def test_much_data_does_not_wait_for_the_end_of_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_writes, "MAX_JOINED_BYTES", 3)
    transport = Transport()
    writer = TurnWriter(transport)
    for piece in (b"ab", b"cd", b"e"):
        writer.write(piece)
    assert transport.taken == [b"abcd"]
    await asyncio.sleep(0)
    assert transport.taken == [b"abcd", b"e"]


async def test_a_transport_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    broken, whole = Transport(), Transport()
    broken.writeSomeData = None  # type: ignore[assignment, method-assign]
    for transport in (broken, whole):
        TurnWriter(transport).write(b"a")
    await asyncio.sleep(0)
    assert whole.taken == [b"a"]
    assert "could not be written" in caplog.text


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_text_frame_has_the_shortest_head_that_holds_its_size(size: int, head: bytes) -> None:
    assert text_frame(b"x" * size) == head + b"x" * size
