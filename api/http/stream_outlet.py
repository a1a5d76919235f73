"""The bounded queue of one streamed answer, between a live operation and its client."""

import asyncio
from collections.abc import Hashable

from api.http.framing import Framing
from schema.errors import FormattedError


class StreamOutlet:
    """The `Outlet` of a subscription over HTTP.

    It is open while the queue and the chunk being sent have fewer than `window_bytes`. Feeds hold durable payloads
    back while it is closed, so it never holds more than the window and one payload. Of the ephemeral payloads that
    come while it is closed it keeps the latest of each key, within another window; the oldest key is dropped first.
    """

    def __init__(self, framing: Framing, window_bytes: int) -> None:
        self._framing = framing
        self._window_bytes = window_bytes
        self._frames: list[bytes] = []
        self._queued_bytes = 0
        self._chunk_bytes = 0
        self._latest: dict[Hashable, bytes] = {}
        self._latest_bytes = 0
        self._wake = asyncio.Event()
        self.ended = False

    @property
    def open(self) -> bool:
        """Whether less than the window is still to be sent; False after the end."""
        return not self.ended and self._queued_bytes + self._chunk_bytes < self._window_bytes

    def next(self, payload: bytes) -> None:
        """Queue a result."""
        self._push(self._framing.result(payload))

    def replace(self, key: Hashable, payload: bytes) -> None:
        """Queue a result or, while the outlet is closed, keep it as the latest of its key."""
        if self.open:
            self._push(self._framing.result(payload))
            return
        replaced = self._latest.pop(key, b"")
        self._latest[key] = payload
        self._latest_bytes += len(payload) - len(replaced)
        while self._latest_bytes > self._window_bytes:
            oldest = next(iter(self._latest))
            self._latest_bytes -= len(self._latest.pop(oldest))

    def complete(self) -> None:
        """End the stream after the queued results."""
        self._end(self._framing.closing())

    def fail(self, errors: list[FormattedError]) -> None:
        """End the stream with errors, after the queued results."""
        self._end(self._framing.failure(errors) + self._framing.closing())

    async def next_chunk(self) -> bytes:
        """Wait for queued results and take them all; empty once the stream has ended and nothing is queued.

        The bytes count against the window until `on_chunk_sent` is called.
        """
        while not self._frames and not self.ended:
            self._wake.clear()
            await self._wake.wait()
        chunk = b"".join(self._frames)
        self._frames.clear()
        self._chunk_bytes, self._queued_bytes = self._queued_bytes, 0
        return chunk

    def on_chunk_sent(self) -> bool:
        """The last chunk was sent. True when that opened the outlet: the operation should go on."""
        was_open = self.open
        self._chunk_bytes = 0
        if self.ended or was_open or not self.open:
            return False
        latest, self._latest, self._latest_bytes = self._latest, {}, 0
        for payload in latest.values():
            self.next(payload)
        return True

    def _push(self, frame: bytes) -> None:
        if self.ended:
            return
        self._frames.append(frame)
        self._queued_bytes += len(frame)
        self._wake.set()

    def _end(self, frame: bytes) -> None:
        self._push(frame)
        self.ended = True
        self._wake.set()
