"""The hub: one per process, between the channel layer and whoever listens here.

It owns one channel of the layer. The first local listener of a chat joins the chat's group and reads where the chat
stands; the last one leaves it a little later. Between them the hub hands every event on once and in order, whatever
the layer dropped, doubled or swapped, and reads what is missing from the log. While Redis is away it polls the log
instead.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import Error as DatabaseError

from chats.events import DurableEvent, decode
from chats.feeds.chat_feed import ChatFeed, ChatListener
from chats.feeds.feed_state import FeedState, membership_marks, read_states
from chats.feeds.group_names import chat_group
from chats.feeds.layer_channel import Layer, LayerChannel, Message
from chats.feeds.publish import EVENTS
from chats.feeds.user_feeds import ControlListener, MembershipListener, UserFeeds
from chats.log.gaps import read_deliverable_gap
from chats.log.read import last_seqs
from foundation.batching import Batcher
from foundation.database import in_thread
from foundation.memory_budget import MemoryBudget
from foundation.per_loop import PerLoop
from foundation.task_cancellation import cancel_and_wait

logger = logging.getLogger(__name__)


class Hub:
    """Follows chats and people for this process. Belongs to the event loop that made it."""

    def __init__(self, layer: Layer) -> None:
        self._channel = LayerChannel(layer, self._take)
        self._chats: dict[int, ChatFeed] = {}
        self._held = MemoryBudget(settings.FEED_HELD_BYTES)
        self._user_feeds = UserFeeds(self._channel)
        self._states: Batcher[int, FeedState] = Batcher(self._join_and_read)
        self._latest: Batcher[int, int] = Batcher(_fetch_latest)
        self._tasks: set[asyncio.Task[None]] = set()
        self._polling: asyncio.Task[None] | None = None

    async def listen(self, chat_id: int, listener: ChatListener) -> ChatFeed | None:
        """Follow a chat from now on; None if there is no such chat.

        The listener gets every event after the returned feed's `last_seq`, provided that the caller reads it before
        it next awaits. Raises django.db.Error when the database is away.
        """
        self._begin_polling()
        while True:
            feed = self._chats.setdefault(chat_id, self._new_feed(chat_id))
            async with feed.lock:
                if self._chats.get(chat_id) is not feed:
                    continue  # it was dropped while we waited for its lock
                if not feed.is_standing and not await self._stand(feed):
                    return None
                feed.listeners.add(listener)
                return feed

    def leave(self, chat_id: int, listener: ChatListener) -> None:
        """Stop following. The last one's leaving leaves the group, `FEED_LINGER_SECONDS` later."""
        feed = self._chats.get(chat_id)
        if feed is None:
            return
        feed.listeners.discard(listener)
        if not feed.listeners:
            asyncio.get_running_loop().call_later(settings.FEED_LINGER_SECONDS, self._drop_if_idle, feed)

    async def bring_up(self, feed: ChatFeed) -> None:
        """Wait until the feed has handed on all that is in the database now. Raises django.db.Error, FeedClosed."""
        latest = await self._latest.load(feed.chat_id)
        if latest is not None:
            await feed.reach(latest)

    async def listen_control(self, user_id: int, listener: ControlListener) -> None:
        """Get the control messages for one person from now on; while Redis is away, from its return on."""
        self._begin_polling()
        await self._apart(self._user_feeds.listen_control(user_id, listener))

    async def listen_memberships(self, user_id: int, listener: MembershipListener) -> None:
        """Be told when this person may have joined a chat, at the latest with the next poll."""
        self._begin_polling()
        await self._apart(self._user_feeds.listen_memberships(user_id, listener))

    def forget_person(self, user_id: int, listener: ControlListener | MembershipListener) -> None:
        """Stop listening to this person's feed."""
        if self._user_feeds.forget(user_id, listener):
            self._spawn(self._channel.settle(), "leave")

    async def close(self) -> None:
        """Stop everything; the hub is not used afterwards."""
        for feed in self._chats.values():
            feed.close()
        self._chats.clear()
        tasks, self._tasks = self._tasks, set()
        await cancel_and_wait(*tasks)
        await self._channel.close()

    def _new_feed(self, chat_id: int) -> ChatFeed:
        return ChatFeed(chat_id, _fetch_gap, _fetch_state, self._held, self._user_feeds.tell_memberships)

    async def _stand(self, feed: ChatFeed) -> bool:
        try:
            state = await self._states.load(feed.chat_id)
        except BaseException:  # the caller may also have been cancelled: nobody would drop the feed then
            self._drop(feed)
            raise
        if state is None:
            self._drop(feed)
            return False
        feed.stand(state)
        return True

    async def _join_and_read(self, chat_ids: list[int]) -> Mapping[int, FeedState]:
        """Join the groups before reading the states, so that nothing can fall between the two."""
        await self._channel.join(*map(chat_group, chat_ids))
        return await in_thread(read_states, chat_ids)

    def _drop_if_idle(self, feed: ChatFeed) -> None:
        if not feed.listeners and not feed.lock.locked() and self._chats.get(feed.chat_id) is feed:
            self._drop(feed)

    def _drop(self, feed: ChatFeed) -> None:
        # In one step: whoever listens next makes another feed, and wants the group again before it is left.
        del self._chats[feed.chat_id]
        feed.close()
        if self._channel.leave(chat_group(feed.chat_id)):
            self._spawn(self._channel.settle(), "leave")

    def _take(self, message: Message) -> None:
        if message["type"] == EVENTS:
            feed = self._chats.get(message["chat"])
            if feed is not None:
                feed.take(decode(body) for body in message["events"])
        else:
            self._user_feeds.take(message)

    def _begin_polling(self) -> None:
        if self._polling is None:
            self._polling = self._spawn(self._poll_forever(), "poll")

    async def _poll_forever(self) -> None:
        waited = 0.0
        while True:
            await asyncio.sleep(settings.FEED_PROBE_SECONDS)
            waited += settings.FEED_PROBE_SECONDS
            try:
                if not await self._channel.probe() or waited >= settings.FEED_POLL_SECONDS:
                    waited = 0.0
                    await self.poll()
            except Exception:
                logger.exception("The poll failed; it goes on")

    async def poll(self) -> None:
        """Compare all followed chats and people with the database, in one query each, and heal what is behind."""
        chat_ids, user_ids = list(self._chats), self._user_feeds.membership_listeners()
        try:
            latest = await in_thread(last_seqs, chat_ids) if chat_ids else {}
            marks = await in_thread(membership_marks, user_ids) if user_ids else {}
        except (DatabaseError, OSError):
            logger.warning("The log cannot be polled: the database is away", exc_info=True)
            return
        for chat_id, seq in latest.items():
            if chat_id in self._chats:
                self._chats[chat_id].learn(seq)
        self._user_feeds.compare(marks.items())

    async def _apart(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for work that goes on when the waiting is cancelled: the layer must not be left amid a command."""
        await asyncio.shield(self._spawn(work, "listen"))

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"hub {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


# The hub of the running event loop.
get_hub = PerLoop(lambda: Hub(get_channel_layer()))


async def _fetch_state(chat_id: int) -> FeedState | None:
    return (await in_thread(read_states, [chat_id])).get(chat_id)


async def _fetch_latest(chat_ids: list[int]) -> Mapping[int, int]:
    return await in_thread(last_seqs, chat_ids)


async def _fetch_gap(chat_id: int, first: int, last: int) -> Sequence[DurableEvent]:
    return await in_thread(read_deliverable_gap, chat_id, first, last)
