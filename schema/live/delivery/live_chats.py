"""The live chats of this process: opened with the first subscription, closed some time after the last."""

import asyncio
import contextlib

from django.conf import settings

from chats.access import members_among
from chats.feeds.chat_feed import FeedClosed
from chats.feeds.hub import get_hub
from foundation.batching import Batcher
from foundation.database import in_thread
from foundation.memory_budget import MemoryBudget
from foundation.per_loop import PerLoop
from schema.live.delivery.live_chat import LiveChat


class LiveChats:
    """Opens each chat once. An idle chat stays open for a while, with its memory, for clients that reconnect."""

    def __init__(self) -> None:
        self.open_chats: dict[int, LiveChat] = {}
        self.budget = MemoryBudget(settings.FEED_MEMORY_BYTES)
        self._opening: dict[int, asyncio.Task[LiveChat | None]] = {}
        self._closing: dict[int, asyncio.TimerHandle] = {}
        self._memberships: Batcher[tuple[int, int], bool] = Batcher(_fetch_memberships, in_turn=True)

    async def open_for_member(
        self, chat_id: int, viewer_id: int, since: int | None = None
    ) -> LiveChat | None:
        """The live chat if the viewer is a member at its current seq; else None. Raises django.db.Error.

        Attach to it before the next await. A viewer who seems to be a non-member, or whose `since` is ahead of this
        process, may have been served by a process that is further on: then the database decides.
        """
        if not self._is_opened(chat_id) and not await self._memberships.load((viewer_id, chat_id)):
            # A chat is not opened for a non-member. A client that guesses ids would make this process receive and keep
            # all those chats, and could tell an existing chat from a missing one by how long the next answer takes.
            return None
        chat = await self.open(chat_id)
        if chat is None:
            return None
        if not chat.is_member(viewer_id) or (since is not None and since > chat.last_seq):
            # A feed that was closed in the meantime does no harm: the next one starts where the database is.
            with contextlib.suppress(FeedClosed):
                await get_hub().catch_up(chat.feed)
            chat = await self.open(chat_id)
        return chat if chat is not None and chat.is_member(viewer_id) else None

    async def open(self, chat_id: int) -> LiveChat | None:
        """The live chat, opened if it is not; None if there is no such chat. Membership is not checked.

        It stays open for FEED_RING_LINGER_SECONDS at least, time enough to attach to it.
        """
        chat = self.open_chats.get(chat_id)
        if chat is None:
            # In a task of its own: the caller may be cancelled, and the layer's connection, which all feeds share, must
            # not be interrupted mid-command.
            opening = self._opening.get(chat_id)
            if opening is None:
                opening = asyncio.get_running_loop().create_task(self._open_new(chat_id), name="open chat")
                self._opening[chat_id] = opening
                opening.add_done_callback(_retrieve_exception)
            chat = await asyncio.shield(opening)
        if chat is not None:
            self._close_later_if_idle(chat)
        return chat

    def is_open(self, chat: LiveChat) -> bool:
        """Whether the chat has not been closed, so that a subscription can attach to it."""
        return self.open_chats.get(chat.chat_id) is chat

    def _is_opened(self, chat_id: int) -> bool:
        return chat_id in self.open_chats or chat_id in self._opening

    async def _open_new(self, chat_id: int) -> LiveChat | None:
        try:
            chat = LiveChat(chat_id, self._close_later_if_idle, self.budget)
            if not await chat.listen():
                return None
            self.open_chats[chat_id] = chat
            self._close_later_if_idle(chat)
            return chat
        finally:
            del self._opening[chat_id]

    def _close_later_if_idle(self, chat: LiveChat) -> None:
        """Close the chat FEED_RING_LINGER_SECONDS from now if it is idle then; replaces an earlier timer."""
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
            del self.open_chats[chat.chat_id]
            chat.close()


async def _fetch_memberships(pairs: list[tuple[int, int]]) -> dict[tuple[int, int], bool]:
    return dict.fromkeys(await in_thread(members_among, pairs), True)


def _retrieve_exception(opening: asyncio.Task[LiveChat | None]) -> None:
    """Keep asyncio from logging a failure that no caller waits for any more: the next caller tries again."""
    if not opening.cancelled():
        opening.exception()


# The live chats of the running event loop.
live_chats = PerLoop(LiveChats)
