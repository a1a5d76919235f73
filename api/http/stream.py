"""A subscription whose results are one long answer: from its start to the first of its ends.

The ends: the operation completes or fails; the client leaves; its token expires or is revoked; it does not read for
SLOW_CONSUMER_SECONDS. Each stops the live operation.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from django.conf import settings

from api.http.asgi_messages import Receive, Send
from api.http.framing import Framing
from api.http.identity_watch import until_invalid
from api.http.stream_outlet import StreamOutlet
from api.servers.backpressure import Gate, gate_of
from auth.identity import Identity
from foundation.task_cancellation import cancel_and_wait
from schema.errors import FormattedError
from schema.live.outlet import LiveOperation

logger = logging.getLogger(__name__)

# How long a server may take to tell that it has dropped a connection.
ABORT_SECONDS = 1

Subscribe = Callable[[StreamOutlet], Awaitable[LiveOperation]]


class SlowConsumer(Exception):  # noqa: N818 - what the client is
    """The client did not read in time."""


class Stream:
    """One streamed subscription. `run` writes the answer's body and returns when it has ended."""

    def __init__(self, framing: Framing, identity: Identity | None) -> None:
        self.identity = identity
        self.outlet = StreamOutlet(framing, settings.STREAM_WINDOW_BYTES)
        self._framing = framing
        self._live: LiveOperation | None = None

    async def start(self, subscribe: Subscribe) -> None:
        """Start the live operation. Raises what `subscribe` raises (RequestRefused)."""
        self._live = await subscribe(self.outlet)

    def end(self, errors: list[FormattedError]) -> None:
        """End the stream from outside: what is queued, the errors, and the closing are still written."""
        self.stop()
        if not self.outlet.ended:
            self.outlet.fail(errors)

    def stop(self) -> None:
        """Stop the live operation."""
        if self._live is not None:
            self._live.stop()

    async def run(self, receive: Receive, send: Send) -> None:
        """Write until the stream ends or the client leaves; the answer's start has been sent."""
        gate = gate_of(send)
        gone = asyncio.create_task(_until_disconnect(receive), name="stream-disconnect")
        tasks = {
            gone,
            asyncio.create_task(self._write(send, gate), name="stream-write"),
            asyncio.create_task(self._watch_identity(), name="stream-identity"),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except SlowConsumer:
            logger.info("A streamed subscription was ended: its client did not read.")
            gate.abort()
            await asyncio.wait({gone}, timeout=ABORT_SECONDS)
        finally:
            self.stop()
            await cancel_and_wait(*tasks)
            gate.close()

    async def _write(self, send: Send, gate: Gate) -> None:
        await _send_in_time(send, gate, self._framing.opening)
        while chunk := await self._next_chunk():
            await _send_in_time(send, gate, chunk)
            if self.outlet.taken() and self._live is not None:
                self._live.resume()
            # Nothing above need ever wait, under Daphne or while the client reads quickly: let others run.
            await asyncio.sleep(0)
        gate.close()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next_chunk(self) -> bytes:
        try:
            async with asyncio.timeout(settings.KEEP_ALIVE_SECONDS):
                return await self.outlet.take()
        except TimeoutError:
            return self._framing.keep_alive

    async def _watch_identity(self) -> None:
        if self.identity is not None:
            self.end(await until_invalid(self.identity))
        await asyncio.Event().wait()  # the writer ends the stream once it has said so


async def _send_in_time(send: Send, gate: Gate, chunk: bytes) -> None:
    try:
        async with asyncio.timeout(settings.SLOW_CONSUMER_SECONDS):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await gate.wait()
    except TimeoutError:
        raise SlowConsumer from None


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
