"""One plan on one chat: executes each event once and passes the payload to every subscription of that plan."""

import asyncio
import logging
from collections.abc import Callable

from django.conf import settings

from chats.events import DurableEvent, EphemeralEvent
from foundation.memory_budget import MemoryBudget
from schema.errors import errors_of
from schema.live.compiling.event_objects import FeedEvent, as_graphql_object, feed_reset
from schema.live.compiling.plan import Plan
from schema.live.delivery.attachment import Attachment
from schema.live.memory.chat_memory import ChatMemory
from schema.types.events import FeedResetReason

logger = logging.getLogger(__name__)

# What a payload costs in memory beside its bytes: the object's header, and its entry in the dictionary.
PAYLOAD_BYTES = 130


class Stream:
    """The payloads of a chat under one plan, each made when it is first asked for.

    The newest payloads of a plan that projects are cached, for clients that catch up. Other payloads are not: they
    hold lookups, which were right at that moment only.
    """

    def __init__(
        self,
        memory: ChatMemory,
        plan: Plan,
        budget: MemoryBudget,
        on_empty: Callable[["Stream"], None],
    ) -> None:
        self.memory = memory
        self.plan = plan
        self.attachments: set[Attachment] = set()
        self._on_empty = on_empty
        self._project = plan.projection
        self._budget = budget
        self._payloads: dict[int, bytes] = {}
        self._cached_bytes = 0
        self._executing: dict[int, tuple[DurableEvent, asyncio.Task[bytes]]] = {}

    def announce(self, event: DurableEvent) -> None:
        """Deliver the chat's newest event to every attachment that has everything before it.

        Nothing is executed while all outlets are closed: their attachments ask for the event when they resume.
        """
        for attachment in self.attachments:
            if attachment.outlet.open:
                break
        else:
            return
        if self._project is None:
            for attachment in tuple(self.attachments):
                try:
                    attachment.resume()
                except Exception as error:
                    self._fail_attachment(attachment, error)
            return
        seq, payload = event.seq, self._project(event)
        self._cache(seq, payload)
        for attachment in tuple(self.attachments):
            try:
                attachment.accept(seq, payload)
            except Exception as error:
                self._fail_attachment(attachment, error)

    def announce_ephemeral(self, event: EphemeralEvent) -> None:
        """Deliver an ephemeral event to every attachment; a closed outlet keeps the latest of each type and person.

        It is dropped if its payload needs a lookup: by the time of the answer it would be outdated.
        """
        if self._project is not None:
            payload: bytes | None = self._project(event)
        else:
            payload = self.plan.execute_now(as_graphql_object(event))
        if payload is None:
            return
        key = (type(event).__name__, event.user.user_id)
        for attachment in tuple(self.attachments):
            attachment.accept_ephemeral(key, payload)

    def detach(self, attachment: Attachment) -> None:
        """The attachment has ended."""
        self.attachments.discard(attachment)
        if not self.attachments:
            self.clear()
            self._on_empty(self)

    def fail(self, error: Exception) -> None:
        """End all operations with the error; their clients subscribe again from where they were."""
        for attachment in tuple(self.attachments):
            self._fail_attachment(attachment, error)

    def _fail_attachment(self, attachment: Attachment, error: Exception) -> None:
        """End one operation with the error, without harm to the others."""
        try:
            attachment.fail(errors_of(error))
        except Exception:
            logger.exception("An outlet failed while its operation was ended with an error")

    # --- PayloadSource

    async def execute(self, event: FeedEvent) -> bytes:
        """The payload of an event, made for one attachment alone."""
        return await self.plan.execute(event)

    def execute_now(self, event: FeedEvent) -> bytes | None:
        """The payload of an event without a seq; None if the plan does not project."""
        return None if self._project is None else self._project(event)

    def payload_in_memory(self, seq: int) -> bytes | None:
        """The payload of this seq; None if making it has to wait for a lookup or for the log."""
        payload = self._payloads.get(seq)
        if payload is None and self._project is not None:
            event = self.memory.get(seq)
            if event is not None:
                payload = self._project(event)
                self._cache(seq, payload)
        return payload

    async def payload_after(self, cursor: int) -> tuple[int, bytes]:
        """The payload of `cursor + 1` with that seq; a FeedReset and the newest seq if the log lacks that event."""
        seq = cursor + 1
        payload = self._payloads.get(seq)
        if payload is not None:
            return seq, payload
        while True:
            event = await self.memory.fetch(seq)
            change_count = self.memory.change_count
            if event is None:
                last = self.memory.last_seq
                reset = feed_reset(self.memory.chat_id, last, FeedResetReason.BEYOND_HORIZON)
                return last, await self.plan.execute(reset)
            if self._project is not None:
                payload = self._project(event)
                self._cache(seq, payload)
                return seq, payload
            payload = await self._execute_once(event)
            if self.memory.is_current(event, change_count):
                return seq, payload
            # Edited or deleted during the execution: the old text must not be shown any more.

    async def _execute_once(self, event: DurableEvent) -> bytes:
        """Execute an event; attachments that ask for it at the same time share one execution."""
        executed, task = self._executing.get(event.seq, (None, None))
        if task is None or executed is not event:
            task = asyncio.get_running_loop().create_task(self._execute(event), name="execute")
            self._executing[event.seq] = (event, task)
        return await asyncio.shield(task)

    async def _execute(self, event: DurableEvent) -> bytes:
        try:
            return await self.plan.execute(event)
        finally:
            if self._executing.get(event.seq, (None, None))[0] is event:
                del self._executing[event.seq]

    # --- The cache of payloads

    def _cache(self, seq: int, payload: bytes) -> None:
        # Only while the event is in the ring, which reports when it changes.
        if self.attachments and self.memory.in_ring(seq):
            self.forget(seq)
            self._payloads[seq] = payload
            self._cached_bytes += len(payload)
            while self._cached_bytes > settings.STREAM_BYTES_KEPT:
                self.forget(next(iter(self._payloads)))
            self._budget.report(self, self._cached_bytes + PAYLOAD_BYTES * len(self._payloads))

    def forget(self, seq: int) -> None:
        """Drop the payload of an event that has changed or left the ring."""
        self._cached_bytes -= len(self._payloads.pop(seq, b""))

    def clear(self) -> None:
        """Drop all payloads."""
        self.evict()
        self._budget.report(self, 0)

    def evict(self) -> None:
        """Drop all payloads (foundation.memory_budget.Cache)."""
        self._payloads.clear()
        self._cached_bytes = 0
