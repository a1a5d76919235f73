"""A subscription over HTTP: one long answer, from the start of the operation to the first of its ends.

The ends: the operation completes or fails; the client leaves; its token expires or is revoked; it does not read for
SLOW_CONSUMER_SECONDS. Each of them stops the live operation.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from django.conf import settings

from api.http.asgi_messages import Receive, Send
from api.http.framing import Framing
from api.http.identity_watch import wait_until_invalid
from api.http.stream_outlet import StreamOutlet
from api.servers.backpressure import WriteBackpressure, backpressure_of
from auth.identity import Identity
from foundation.task_cancellation import cancel_and_wait
from schema.errors import FormattedError
from schema.live.outlet import LiveOperation

logger = logging.getLogger(__name__)

# How long a server program may take to report that it has dropped a connection.
ABORT_SECONDS = 1

Subscribe = Callable[[StreamOutlet], Awaitable[LiveOperation]]


class SlowConsumer(Exception):  # noqa: N818 - names the client
    """The client did not read in time."""


class HttpSubscription:
    """One subscription over HTTP. `run` writes the answer's body and returns when it has ended."""

    def __init__(self, framing: Framing, identity: Identity | None) -> None:
        self.identity = identity
        self.outlet = StreamOutlet(framing, settings.STREAM_WINDOW_BYTES)
        self._framing = framing
        self._live: LiveOperation | None = None

    async def start(self, subscribe: Subscribe) -> None:
        """Start the live operation. Raises what `subscribe` raises (RequestRefused)."""
        self._live = await subscribe(self.outlet)

    def end(self, errors: list[FormattedError]) -> None:
        """End the subscription from outside: queued results, the errors and the closing are still written."""
        self.stop()
        if not self.outlet.ended:
            self.outlet.fail(errors)

    def stop(self) -> None:
        """Stop the live operation."""
        if self._live is not None:
            self._live.stop()

    async def run(self, receive: Receive, send: Send) -> None:
        """Write until the subscription ends or the client leaves. The start of the answer was sent before."""
        backpressure = backpressure_of(send)
        disconnect = asyncio.create_task(_wait_for_disconnect(receive), name="http-subscription-disconnect")
        tasks = {
            disconnect,
            asyncio.create_task(self._write(send, backpressure), name="http-subscription-write"),
            asyncio.create_task(self._watch_identity(), name="http-subscription-identity"),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except SlowConsumer:
            logger.info("Ended a subscription over HTTP: its client did not read.")
            backpressure.abort_connection()
            await asyncio.wait({disconnect}, timeout=ABORT_SECONDS)
        finally:
            self.stop()
            await cancel_and_wait(*tasks)
            backpressure.detach()

    async def _write(self, send: Send, backpressure: WriteBackpressure) -> None:
        await _send_in_time(send, backpressure, self._framing.opening)
        while chunk := await self._next_chunk():
            await _send_in_time(send, backpressure, chunk)
            if self.outlet.on_chunk_sent() and self._live is not None:
                self._live.resume()
            # Under Daphne, or while the client reads quickly, nothing above ever waits: let other tasks run.
            await asyncio.sleep(0)
        backpressure.detach()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next_chunk(self) -> bytes:
        try:
            async with asyncio.timeout(settings.KEEP_ALIVE_SECONDS):
                return await self.outlet.next_chunk()
        except TimeoutError:
            return self._framing.keep_alive

    async def _watch_identity(self) -> None:
        if self.identity is not None:
            self.end(await wait_until_invalid(self.identity))
        await asyncio.Event().wait()  # the writer ends the answer once it has written the errors


async def _send_in_time(send: Send, backpressure: WriteBackpressure, chunk: bytes) -> None:
    try:
        async with asyncio.timeout(settings.SLOW_CONSUMER_SECONDS):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await backpressure.wait_until_writable()
    except TimeoutError:
        raise SlowConsumer from None


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
