"""Twisted's transports, written to once a turn of the loop.

Twisted has the selector watch a transport for each write and unwatch it when it is done, which takes longer than the
writing. Here all that a turn writes to a transport is joined at its end and offered to the kernel right away. Only what
the kernel does not take goes Twisted's way.
"""

import asyncio
import logging
from typing import Any

# As much as Twisted buffers before it has its producers wait: a turn that writes more does not wait for its end.
MOST_BYTES = 64 * 1024

logger = logging.getLogger(__name__)

_unwritten: list["TurnWriter"] = []


class TurnWriter:
    """The way out through one transport. Whatever else writes to it must `flush` before."""

    __slots__ = ("_pieces", "_size", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Write `data` by the end of this turn of the loop, in order."""
        if not self._pieces:
            if not _unwritten:
                asyncio.get_running_loop().call_soon(_flush_all)
            _unwritten.append(self)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write now what was to be written by the end of this turn."""
        if not self._pieces:
            return
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        rest = data[self._write_at_once(data) :]
        if rest:
            self._transport.write(rest)

    def _write_at_once(self, data: bytes) -> int:
        """How much of it the kernel has taken; none while the transport still has something older, or is lost."""
        transport = self._transport
        if not getattr(transport, "connected", False) or _has_older(transport):
            return 0
        written = transport.writeSomeData(data)
        # A failure is an exception, as a value. The transport meets it again, and then handles it.
        return written if isinstance(written, int) and written > 0 else 0


def _has_older(transport: Any) -> bool:
    """Whether data waits in Twisted's buffers. No public attribute says so; a TLS transport has none at all."""
    try:
        return bool(transport._tempDataLen or transport.dataBuffer or transport.TLS)
    except AttributeError:
        return True


def _flush_all() -> None:
    writers = _unwritten.copy()
    _unwritten.clear()
    for writer in writers:
        try:
            writer.flush()
        except Exception:
            logger.exception("A socket could not be written to")


def text_frame(payload: bytes) -> bytes:
    """A text message in one frame, as a server sends it: whole and unmasked (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload
