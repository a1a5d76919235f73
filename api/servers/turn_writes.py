"""Joins the writes to a Twisted transport within one turn of the event loop into one.

For each write Twisted makes the selector watch the transport and unwatch it afterwards, which takes longer than the
write itself. Here all writes of a turn are joined at its end and offered to the kernel right away. Only what the
kernel does not take is left to Twisted.
"""

import asyncio
import logging
from typing import Any

# The size at which Twisted pauses its producers. Larger data is written before the turn ends.
MAX_JOINED_BYTES = 64 * 1024

logger = logging.getLogger(__name__)

_pending_writers: list["TurnWriter"] = []


class TurnWriter:
    """Joins the writes to one transport. Code that writes to the transport directly must call `flush` before."""

    __slots__ = ("_pieces", "_size", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Write `data` by the end of this turn of the loop, in order."""
        if not self._pieces:
            if not _pending_writers:
                asyncio.get_running_loop().call_soon(_flush_all)
            _pending_writers.append(self)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MAX_JOINED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write now what waits for the end of this turn."""
        if not self._pieces:
            return
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        rest = data[self._write_to_kernel(data) :]
        if rest:
            self._transport.write(rest)

    def _write_to_kernel(self, data: bytes) -> int:
        """How many bytes the kernel took; 0 while the transport is lost or still has older data."""
        transport = self._transport
        if not getattr(transport, "connected", False) or _has_buffered_data(transport):
            return 0
        written = transport.writeSomeData(data)
        # Twisted returns a failure as an exception object. Its own write meets the failure again, and handles it.
        return written if isinstance(written, int) and written > 0 else 0


def _has_buffered_data(transport: Any) -> bool:
    """Whether data waits in Twisted's buffers, which no public attribute tells. Always True for TLS."""
    try:
        return bool(transport._tempDataLen or transport.dataBuffer or transport.TLS)
    except AttributeError:
        return True


def _flush_all() -> None:
    writers = _pending_writers.copy()
    _pending_writers.clear()
    for writer in writers:
        try:
            writer.flush()
        except Exception:
            logger.exception("A transport could not be written to")


def text_frame(payload: bytes) -> bytes:
    """A text message as one unmasked websocket frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload
