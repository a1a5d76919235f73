"""The live chats of this process: opened with the first operation, closed some time after the last."""

import asyncio

from django.conf import settings

from chats.access import members_among
from foundation.batching import Batcher
from foundation.database import in_thread
from foundation.memory_budget import MemoryBudget
from foundation.per_loop import PerLoop
from schema.live.delivery.live_chat import LiveChat


class LiveChats:
    """Opens each chat once. One without operations is kept for a while, with its ring, for clients that reconnect."""

    def __init__(self) -> None:
        self._chats: dict[int, LiveChat] = {}
        self._opening: dict[int, asyncio.Task[LiveChat | None]] = {}
        self._closing: dict[int, asyncio.TimerHandle] = {}
        self._memory = MemoryBudget(settings.FEED_MEMORY_BYTES)
        self._memberships: Batcher[tuple[int, int], bool] = Batcher(_fetch_memberships, in_turn=True)

    async def open_for(self, viewer_id: int, chat_id: int) -> LiveChat | None:
        """As `open`, but a chat that nobody here follows is not followed for the sake of who is no member of it.

        Whoever guesses ids would else have this process receive, and keep in memory, what is said in all those chats;
        and would tell a foreign chat from a missing one by how long the next answer takes.
        """
        is_followed = chat_id in self._chats or chat_id in self._opening
        if not is_followed and not await self._memberships.load((viewer_id, chat_id)):
            return None
        return await self.open(chat_id)

    async def open(self, chat_id: int) -> LiveChat | None:
        """The live chat; None if there is no such chat. It stays for a while, in which somebody may attach."""
        chat = self._chats.get(chat_id)
        if chat is None:
            # In a task of its own: who waits for it may be cancelled, and the layer's connection, which all feeds
            # share, must not be left amid a command.
            opening = self._opening.get(chat_id)
            if opening is None:
                opening = asyncio.get_running_loop().create_task(self._open(chat_id), name="open chat")
                self._opening[chat_id] = opening
                opening.add_done_callback(_see_failure)
            chat = await asyncio.shield(opening)
        if chat is not None:
            self.release(chat)
        return chat

    def is_open(self, chat: LiveChat) -> bool:
        """Whether it is followed still, so that one may attach to it."""
        return self._chats.get(chat.chat_id) is chat

    async def _open(self, chat_id: int) -> LiveChat | None:
        try:
            chat = LiveChat(chat_id, self.release, self._memory)
            if not await chat.open():
                return None
            self._chats[chat_id] = chat
            self.release(chat)
            return chat
        finally:
            del self._opening[chat_id]

    def release(self, chat: LiveChat) -> None:
        """Close the chat in `FEED_RING_LINGER_SECONDS` from now, if nobody is attached then."""
        timer = self._closing.pop(chat.chat_id, None)
        if timer is not None:
            timer.cancel()
        if chat.is_idle and self.is_open(chat):
            loop = asyncio.get_running_loop()
            self._closing[chat.chat_id] = loop.call_later(
                settings.FEED_RING_LINGER_SECONDS, self._close_if_idle, chat
            )

    def _close_if_idle(self, chat: LiveChat) -> None:
        self._closing.pop(chat.chat_id, None)
        if chat.is_idle and self.is_open(chat):
            del self._chats[chat.chat_id]
            chat.close()


async def _fetch_memberships(pairs: list[tuple[int, int]]) -> dict[tuple[int, int], bool]:
    return dict.fromkeys(await in_thread(members_among, pairs), True)


def _see_failure(opening: asyncio.Task[LiveChat | None]) -> None:
    """A failure that nobody waits for any more is no news: the next to come tries again."""
    if not opening.cancelled():
        opening.exception()


# The live chats of the running event loop.
live_chats = PerLoop(LiveChats)
