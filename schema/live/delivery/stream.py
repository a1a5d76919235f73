"""One plan attached to one chat: each event is executed once here, for all who asked the same."""

import asyncio
import logging
from typing import TYPE_CHECKING

from django.conf import settings

from chats.events import DurableEvent, MemberLeft, MessageEdited, MessagePosted, TypingChanged
from foundation.memory_budget import MemoryBudget
from schema.errors import FormattedError, errors_of
from schema.live.compiling.event_objects import FeedEvent, present, present_reset
from schema.live.compiling.plan import Plan
from schema.live.delivery.attachment import Attachment
from schema.types.events import FeedResetReason

if TYPE_CHECKING:
    from schema.live.delivery.live_chat import LiveChat

logger = logging.getLogger(__name__)

# What a payload in memory costs beside its bytes: the object's head, and its place among the others.
PAYLOAD_BYTES = 130


class Stream:
    """The payloads of a chat under one plan, by seq, made when they are first asked for.

    The last payloads of a plan that projects are kept, for clients that catch up. Others are not: what they show
    beyond the event was looked up at that moment.
    """

    def __init__(self, chat: "LiveChat", plan: Plan, budget: MemoryBudget) -> None:
        self.plan = plan
        self.attachments: set[Attachment] = set()
        self._chat = chat
        self._payloads: dict[int, bytes] = {}
        self._kept_bytes = 0
        self._budget = budget
        self._project = plan.projection
        self._making: dict[int, tuple[DurableEvent, asyncio.Task[bytes]]] = {}

    @property
    def last_seq(self) -> int:
        """The seq of the chat's newest event here."""
        return self._chat.last_seq

    def forget(self, seq: int) -> None:
        """The event of this seq has changed or is no longer kept."""
        self._kept_bytes -= len(self._payloads.pop(seq, b""))

    def forget_all(self) -> None:
        """No event that was kept is kept any more."""
        self.evict()
        self._budget.report(self, 0)

    def evict(self) -> None:
        """Keep no payload (foundation.memory_budget.Cache)."""
        self._payloads.clear()
        self._kept_bytes = 0

    def announce(self, event: DurableEvent) -> None:
        """The chat's newest event: executed once if it projects, and passed on to all who wait for it.

        Nothing is executed for nobody: who is held back asks for it when they go on.
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
                    self._give_up(attachment, error)
            return
        seq, payload = event.seq, self._project(event)
        self._keep(seq, payload)
        for attachment in tuple(self.attachments):
            try:
                attachment.accept(seq, payload)
            except Exception as error:
                self._give_up(attachment, error)

    def announce_ephemeral(self, event: TypingChanged) -> None:
        """Something that is true now: told to all, and of each kind and person only the latest to who is behind.

        Only where it can be executed at once: a moment is over before a lookup is.
        """
        payload = self._project(event) if self._project is not None else self.plan.execute_now(present(event))
        if payload is None:
            return
        for attachment in tuple(self.attachments):
            attachment.tell(("typing", event.user.user_id), payload)

    def detach(self, attachment: Attachment) -> None:
        """The attachment has ended."""
        self.attachments.discard(attachment)
        if not self.attachments:
            self.forget_all()
            self._chat.drop(self)

    async def execute(self, event: FeedEvent) -> bytes:
        """The payload of something that is no durable event."""
        return await self.plan.execute(event)

    def execute_now(self, event: FeedEvent) -> bytes | None:
        """The payload of what is no durable event, if the selection projects."""
        return None if self._project is None else self._project(event)

    def payload_at_hand(self, seq: int) -> bytes | None:
        """The payload of this seq, if it can be made without waiting for anything."""
        payload = self._payloads.get(seq)
        if payload is None and self._project is not None:
            event = self._chat.event_at_hand(seq)
            if event is not None:
                payload = self._project(event)
                self._keep(seq, payload)
        return payload

    def events_up_to(self, last: MemberLeft, cursor: int) -> list[DurableEvent]:
        """The events after `cursor` up to `last`, if all are in memory; else `last` alone."""
        found = [self._chat.event_at_hand(seq) for seq in range(cursor + 1, last.seq)]
        events = [event for event in found if event is not None]
        return [*events, last] if len(events) == len(found) else [last]

    def is_current(self, event: FeedEvent) -> bool:
        """Whether the message that the event shows, if any, is known to stand as it shows it."""
        return not isinstance(event, MessagePosted | MessageEdited) or (
            self._chat.event_at_hand(event.seq) is event
        )

    async def payload_after(self, cursor: int) -> tuple[int, bytes]:
        """The next payload and its seq: that of `cursor + 1`, or a FeedReset when the log no longer has that event."""
        seq = cursor + 1
        payload = self._payloads.get(seq)
        if payload is not None:
            return seq, payload
        while True:
            event = await self._chat.recall(seq)
            changes = self._chat.changes
            if event is None:
                last = self._chat.last_seq
                reset = present_reset(self._chat.chat_id, last, FeedResetReason.BEYOND_HORIZON)
                return last, await self.plan.execute(reset)
            if self._project is not None:
                payload = self._project(event)
                self._keep(seq, payload)
                return seq, payload
            payload = await self._make(event)
            if self._chat.is_current(event, changes):
                return seq, payload
            # It was edited or deleted while it was executed: what was said before must not be shown any more.

    def _keep(self, seq: int, payload: bytes) -> None:
        if self.attachments and self._chat.holds(seq):
            self.forget(seq)
            self._payloads[seq] = payload
            self._kept_bytes += len(payload)
            while self._kept_bytes > settings.STREAM_BYTES_KEPT:
                self.forget(next(iter(self._payloads)))
            self._budget.report(self, self._kept_bytes + PAYLOAD_BYTES * len(self._payloads))

    async def _make(self, event: DurableEvent) -> bytes:
        """Execute an event, once however many wait for it."""
        made_of, task = self._making.get(event.seq, (None, None))
        if task is None or made_of is not event:
            task = asyncio.get_running_loop().create_task(self._execute(event), name="execute")
            self._making[event.seq] = (event, task)
        return await asyncio.shield(task)

    async def _execute(self, event: DurableEvent) -> bytes:
        try:
            return await self.plan.execute(event)
        finally:
            if self._making.get(event.seq, (None, None))[0] is event:
                del self._making[event.seq]

    def fail(self, error: Exception) -> None:
        """An event could not be executed: end all operations, whose clients go on from where they were."""
        for attachment in tuple(self.attachments):
            self._give_up(attachment, error)

    def _give_up(self, attachment: Attachment, error: Exception) -> None:
        """End one operation, so that its fault is nobody else's."""
        try:
            attachment.stop_failing(self.describe(error))
        except Exception:
            logger.exception("An outlet does not even take its end")

    def describe(self, error: Exception) -> list[FormattedError]:
        """What the client is told of an error that ended its operation."""
        return errors_of(error)
