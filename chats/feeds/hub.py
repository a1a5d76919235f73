"""The hub: one per process, between the channel layer and whoever listens here.

It owns one channel of the layer. The first local listener of a chat joins the chat's group and reads where the chat
stands; the last one leaves it a little later. Between them the hub hands every event on once and in order, whatever
the layer dropped, doubled or swapped, and reads what is missing from the log. While Redis is away it polls the log
instead.
"""

import asyncio
import logging
import weakref
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from chats.events import DurableEvent, decode
from chats.feeds.chat_feed import ChatFeed, ChatListener
from chats.feeds.log import last_seqs, read_gap
from chats.feeds.names import chat_feed
from chats.feeds.people import ControlListener, MembershipListener, People
from chats.feeds.publish import EVENTS
from chats.feeds.state import FeedState, membership_marks, read_states
from foundation.batching import Batcher
from foundation.database import in_thread
from foundation.redis import async_redis

logger = logging.getLogger(__name__)


class Hub:
    """Follows chats and people for this process. Belongs to the event loop that made it."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._channel: str | None = None
        self._starting = asyncio.Lock()
        self._chats: dict[int, ChatFeed] = {}
        self._people = People(layer, self._start)
        self._states: Batcher[int, FeedState] = Batcher(_fetch_states)
        self._tasks: set[asyncio.Task[None]] = set()
        self._polling: asyncio.Task[None] | None = None
        self._redis_run_id: str | None = None

    async def listen(self, chat_id: int, listener: ChatListener) -> ChatFeed | None:
        """Follow a chat from now on; None if there is no such chat.

        The listener gets every event after the returned feed's `last_seq`, provided that the caller reads it before
        it next awaits. Raises django.db.Error when the database is away.
        """
        while True:
            feed = self._chats.setdefault(chat_id, ChatFeed(chat_id, _fetch_gap))
            async with feed.lock:
                if self._chats.get(chat_id) is not feed:
                    continue  # it was dropped while we waited for its lock
                if not feed.is_standing and not await self._join(feed):
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
            loop = asyncio.get_running_loop()
            loop.call_later(
                settings.FEED_LINGER_SECONDS, lambda: self._spawn(self._drop_if_idle(feed), "leave")
            )

    async def listen_control(self, user_id: int, listener: ControlListener) -> None:
        """Get the control messages for one person from now on; while Redis is away, from its return on."""
        await self._apart(self._people.listen_control(user_id, listener))

    async def listen_memberships(self, user_id: int, listener: MembershipListener) -> None:
        """Be told when this person may have joined a chat, at the latest with the next poll."""
        await self._apart(self._people.listen_memberships(user_id, listener))

    def forget_person(self, user_id: int, listener: ControlListener | MembershipListener) -> None:
        """Stop listening to this person's feed."""
        self._people.forget(user_id, listener)
        self._spawn(self._people.align(user_id), "leave")

    async def close(self) -> None:
        """Stop everything; the hub is not used afterwards."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(feed.close() for feed in self._chats.values()))
        self._chats.clear()

    async def _start(self) -> str:
        """The hub's own channel, made when it is first needed. Raises RedisError or OSError when Redis is away."""
        async with self._starting:
            if self._polling is None:
                self._polling = self._spawn(self._poll_forever(), "poll")
            if self._channel is None:
                self._channel = await self._layer.new_channel("hub.")
                self._spawn(self._receive(self._channel), "receive")
            return self._channel

    async def _join(self, feed: ChatFeed) -> bool:
        """Join the group before reading the state, so that nothing can fall between the two."""
        try:
            await self._enter_group(feed)
            state = await self._states.load(feed.chat_id)
        except DatabaseError:
            await self._drop(feed)
            raise
        if state is None:
            await self._drop(feed)
            return False
        feed.stand(state)
        return True

    async def _enter_group(self, feed: ChatFeed) -> None:
        try:
            await self._start()
            await self._layer.group_add(chat_feed(feed.chat_id), self._channel)
            feed.is_in_group = True
        except (RedisError, OSError):
            logger.warning("Chat %d: Redis is away; following the log instead", feed.chat_id)

    async def _drop_if_idle(self, feed: ChatFeed) -> None:
        async with feed.lock:
            if not feed.listeners and self._chats.get(feed.chat_id) is feed:
                await self._drop(feed)

    async def _drop(self, feed: ChatFeed) -> None:
        """Forget a feed; its lock is held."""
        del self._chats[feed.chat_id]
        await feed.close()
        try:
            await self._layer.group_discard(chat_feed(feed.chat_id), self._channel)
        except (RedisError, OSError):
            logger.warning("Chat %d: the group could not be left; Redis is away", feed.chat_id)

    async def _receive(self, channel: str) -> None:
        while True:
            message = await self._layer.receive(channel)
            try:
                self._take(message)
            except Exception:
                logger.exception("A message of the channel layer could not be handed on")
            # The layer's queue answers without a suspension while it holds messages: let others run in between.
            await asyncio.sleep(0)

    def _take(self, message: Mapping[str, Any]) -> None:
        if message["type"] == EVENTS:
            feed = self._chats.get(message["chat"])
            if feed is not None:
                feed.take(decode(body) for body in message["events"])
        else:
            self._people.take(message)

    async def _poll_forever(self) -> None:
        waited = 0.0
        while True:
            await asyncio.sleep(settings.FEED_PROBE_SECONDS)
            waited += settings.FEED_PROBE_SECONDS
            run_id = await _redis_run_id()
            is_trusted = run_id is not None and run_id == self._redis_run_id
            self._redis_run_id = run_id
            if not is_trusted or waited >= settings.FEED_POLL_SECONDS:
                waited = 0.0
                await self.poll()

    async def poll(self) -> None:
        """Compare all followed chats and people with the database, in one query each, and heal what is behind."""
        for feed in [feed for feed in self._chats.values() if not feed.is_in_group and feed.is_standing]:
            await self._enter_group(feed)
        await self._people.align_all()
        chat_ids, user_ids = list(self._chats), self._people.membership_listeners()
        try:
            latest = await in_thread(last_seqs, chat_ids) if chat_ids else {}
            marks = await in_thread(membership_marks, user_ids) if user_ids else {}
        except (DatabaseError, OSError):
            logger.warning("The log cannot be polled: the database is away", exc_info=True)
            return
        for chat_id, seq in latest.items():
            if chat_id in self._chats:
                self._chats[chat_id].learn(seq)
        self._people.compare(marks.items())

    async def _apart(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for work that goes on when the waiting is cancelled: the layer must not be left amid a command."""
        await asyncio.shield(self._spawn(work, "listen"))

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"hub {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def get_hub() -> Hub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub(get_channel_layer()))


async def _fetch_states(chat_ids: list[int]) -> Mapping[int, FeedState]:
    return await in_thread(read_states, chat_ids)


async def _fetch_gap(chat_id: int, first: int, last: int) -> Sequence[DurableEvent]:
    return await in_thread(read_gap, chat_id, first, last)


async def _redis_run_id() -> str | None:
    """Which Redis answers; None if none does. Another one than before has forgotten what was published meanwhile."""
    try:
        info = await async_redis().info("server")
    except (RedisError, OSError):
        return None
    return str(info["run_id"])
