"""One plan attached to one chat: each event is executed once here, for all who asked the same."""

import asyncio
from typing import TYPE_CHECKING

from graphql import GraphQLError

from schema.errors import FormattedError, format_error
from schema.live.attachment import Attachment
from schema.live.plan import Plan
from schema.live.present import present, present_reset
from schema.types.events import FeedResetReason

if TYPE_CHECKING:
    from schema.live.live_chat import LiveChat


class Stream:
    """The payloads of a chat under one plan, by seq, made when they are first asked for.

    A shared plan's payloads are kept for as long as the chat's ring holds the event. A viewer's own are not kept:
    what they show beyond the event was looked up at that moment.
    """

    def __init__(self, chat: "LiveChat", plan: Plan) -> None:
        self.plan = plan
        self.attachments: set[Attachment] = set()
        self._chat = chat
        self._payloads: dict[int, bytes] = {}
        self._making: dict[int, asyncio.Task[bytes]] = {}

    @property
    def last_seq(self) -> int:
        """The seq of the chat's newest event here."""
        return self._chat.last_seq

    def forget(self, seq: int) -> None:
        """The event of this seq has changed or is no longer kept."""
        self._payloads.pop(seq, None)
        self._making.pop(seq, None)

    def announce(self) -> None:
        """There is a newer event."""
        for attachment in tuple(self.attachments):
            attachment.resume()

    def detach(self, attachment: Attachment) -> None:
        """The attachment has ended."""
        self.attachments.discard(attachment)
        if not self.attachments:
            self._chat.drop(self)

    async def execute(self, event: object) -> bytes:
        """The payload of something that is no durable event."""
        return await self.plan.execute(event)

    async def payload_after(self, cursor: int) -> tuple[int, bytes]:
        """The next payload and its seq: that of `cursor + 1`, or a FeedReset when the log no longer has that event."""
        seq = cursor + 1
        payload = self._payloads.get(seq)
        if payload is not None:
            return seq, payload
        if not await self._chat.recall(seq):
            last = self._chat.last_seq
            return last, await self.execute(
                present_reset(self._chat.chat_id, last, FeedResetReason.BEYOND_HORIZON)
            )
        return seq, await self._make(seq)

    async def _make(self, seq: int) -> bytes:
        """Execute the event of this seq, once however many wait for it."""
        task = self._making.get(seq)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._execute(seq), name="execute")
            self._making[seq] = task
        return await asyncio.shield(task)

    async def _execute(self, seq: int) -> bytes:
        event = self._chat.event(seq)
        try:
            payload = await self.plan.execute(present(event))
        finally:
            mine = self._making.get(seq) is asyncio.current_task()
            if mine:
                del self._making[seq]
        if mine and self.plan.is_shared and self._chat.holds(event):
            self._payloads[seq] = payload
        return payload

    def describe(self, error: Exception) -> list[FormattedError]:
        """What the client is told of an error that ended its operation."""
        return [format_error(GraphQLError(str(error), original_error=error))]
