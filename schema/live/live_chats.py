"""The live chats of this process: opened with the first operation, closed some time after the last."""

import asyncio
import weakref

from django.conf import settings

from schema.live.live_chat import LiveChat


class LiveChats:
    """Opens each chat once. One without operations is kept for a while, with its ring, for clients that reconnect."""

    def __init__(self) -> None:
        self._chats: dict[int, LiveChat] = {}
        self._locks: weakref.WeakValueDictionary[int, asyncio.Lock] = weakref.WeakValueDictionary()
        self._closing: dict[int, asyncio.TimerHandle] = {}

    async def open(self, chat_id: int) -> LiveChat | None:
        """The live chat; None if there is no such chat. It stays for a while, in which somebody may attach."""
        async with self._locks.setdefault(chat_id, asyncio.Lock()):
            chat = self._chats.get(chat_id)
            if chat is None:
                chat = LiveChat(chat_id, self.release)
                if not await chat.open():
                    return None
                self._chats[chat_id] = chat
            self.release(chat)
            return chat

    def release(self, chat: LiveChat) -> None:
        """Close the chat in `FEED_RING_LINGER_SECONDS` from now, if nobody is attached then."""
        timer = self._closing.pop(chat.chat_id, None)
        if timer is not None:
            timer.cancel()
        if chat.is_idle and self._chats.get(chat.chat_id) is chat:
            loop = asyncio.get_running_loop()
            self._closing[chat.chat_id] = loop.call_later(
                settings.FEED_RING_LINGER_SECONDS, self._close_if_idle, chat
            )

    def _close_if_idle(self, chat: LiveChat) -> None:
        self._closing.pop(chat.chat_id, None)
        if chat.is_idle and self._chats.get(chat.chat_id) is chat:
            del self._chats[chat.chat_id]
            chat.close()


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LiveChats] = weakref.WeakKeyDictionary()


def live_chats() -> LiveChats:
    """Those of the running event loop."""
    return _by_loop.setdefault(asyncio.get_running_loop(), LiveChats())
