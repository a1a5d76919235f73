"""The hub, one per process: delivers events from the channel layer to local listeners, each event once and in order.

It owns one channel of the layer. The first local listener of a chat joins the chat's group and reads the chat's state;
the last one leaves the group a little later. In between, the hub evens out what the layer dropped, doubled or swapped,
and reads what is missing from the log. While Redis is away it polls the log instead.
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
from chats.feeds.feed_state import FeedState, read_membership_versions, read_states
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
    """The feeds of chats and people that this process listens to. Belongs to the event loop that made it."""

    def __init__(self, layer: Layer) -> None:
        self._channel = LayerChannel(layer, self._on_layer_message)
        self._chats: dict[int, ChatFeed] = {}
        self._early_budget = MemoryBudget(settings.FEED_HELD_BYTES)
        self._user_feeds = UserFeeds(self._channel)
        self._states: Batcher[int, FeedState] = Batcher(self._join_and_read)
        self._last_seqs: Batcher[int, int] = Batcher(_fetch_last_seqs)
        self._tasks: set[asyncio.Task[None]] = set()
        self._polling: asyncio.Task[None] | None = None

    async def listen(self, chat_id: int, listener: ChatListener) -> ChatFeed | None:
        """Listen to a chat from now on; None if there is no such chat.

        The listener gets every event after the returned feed's `last_seq`, provided that the caller reads it before
        its next await. Raises django.db.Error when the database is away.
        """
        self._begin_polling()
        while True:
            feed = self._chats.setdefault(chat_id, self._new_feed(chat_id))
            async with feed.lock:
                if self._chats.get(chat_id) is not feed:
                    continue  # it was closed while we waited for its lock
                if not feed.is_started and not await self._start_feed(feed):
                    return None
                feed.listeners.add(listener)
                return feed

    def leave(self, chat_id: int, listener: ChatListener) -> None:
        """Stop listening. Without listeners, the feed is closed and its group left `FEED_LINGER_SECONDS` later."""
        feed = self._chats.get(chat_id)
        if feed is None:
            return
        feed.listeners.discard(listener)
        if not feed.listeners:
            asyncio.get_running_loop().call_later(settings.FEED_LINGER_SECONDS, self._close_if_idle, feed)

    async def catch_up(self, feed: ChatFeed) -> None:
        """Wait until the feed has delivered all that the database has now. Raises django.db.Error, FeedClosed."""
        last_seq = await self._last_seqs.load(feed.chat_id)
        if last_seq is not None:
            await feed.catch_up_to(last_seq)

    async def listen_control(self, user_id: int, listener: ControlListener) -> None:
        """Pass this person's control messages to `listener` from now on; while Redis is away, from its return on."""
        self._begin_polling()
        await self._run_uncancelled(self._user_feeds.listen_control(user_id, listener))

    async def listen_memberships(self, user_id: int, listener: MembershipListener) -> None:
        """Call `listener` when this person may have joined a chat, at the latest with the next poll."""
        self._begin_polling()
        await self._run_uncancelled(self._user_feeds.listen_memberships(user_id, listener))

    def remove_user_listener(self, user_id: int, listener: ControlListener | MembershipListener) -> None:
        """Stop listening to this person's control messages or memberships."""
        if self._user_feeds.remove_listener(user_id, listener):
            self._spawn(self._channel.sync_groups(), "leave")

    async def close(self) -> None:
        """Stop everything; the hub is not used afterwards."""
        for feed in self._chats.values():
            feed.close()
        self._chats.clear()
        tasks, self._tasks = self._tasks, set()
        await cancel_and_wait(*tasks)
        await self._channel.close()

    def _new_feed(self, chat_id: int) -> ChatFeed:
        on_joined = self._user_feeds.notify_membership_listeners
        return ChatFeed(chat_id, _fetch_gap, _fetch_state, self._early_budget, on_joined)

    async def _start_feed(self, feed: ChatFeed) -> bool:
        try:
            state = await self._states.load(feed.chat_id)
        except BaseException:  # a cancelled caller, too, would leave a feed behind that nobody closes
            self._close_feed(feed)
            raise
        if state is None:
            self._close_feed(feed)
            return False
        feed.start(state)
        return True

    async def _join_and_read(self, chat_ids: list[int]) -> Mapping[int, FeedState]:
        """Join the groups before reading the states, so that no event falls between the two."""
        await self._channel.join(*map(chat_group, chat_ids))
        return await in_thread(read_states, chat_ids)

    def _close_if_idle(self, feed: ChatFeed) -> None:
        if not feed.listeners and not feed.lock.locked() and self._chats.get(feed.chat_id) is feed:
            self._close_feed(feed)

    def _close_feed(self, feed: ChatFeed) -> None:
        # Without an await: the next listener makes another feed, and joins the group again before it is left.
        del self._chats[feed.chat_id]
        feed.close()
        if self._channel.leave(chat_group(feed.chat_id)):
            self._spawn(self._channel.sync_groups(), "leave")

    def _on_layer_message(self, message: Message) -> None:
        if message["type"] == EVENTS:
            feed = self._chats.get(message["chat"])
            if feed is not None:
                feed.on_layer_events(decode(body) for body in message["events"])
        else:
            self._user_feeds.on_layer_message(message)

    def _begin_polling(self) -> None:
        if self._polling is None:
            self._polling = self._spawn(self._poll_forever(), "poll")

    async def _poll_forever(self) -> None:
        waited = 0.0
        while True:
            await asyncio.sleep(settings.FEED_PROBE_SECONDS)
            waited += settings.FEED_PROBE_SECONDS
            try:
                if not await self._channel.probe_delivery() or waited >= settings.FEED_POLL_SECONDS:
                    waited = 0.0
                    await self.poll()
            except Exception:
                logger.exception("A poll of the log failed; polling goes on")

    async def poll(self) -> None:
        """Compare all chats and people that have listeners with the database, one query each, and catch up."""
        chat_ids, user_ids = list(self._chats), self._user_feeds.users_with_membership_listeners()
        try:
            found = await in_thread(last_seqs, chat_ids) if chat_ids else {}
            versions = await in_thread(read_membership_versions, user_ids) if user_ids else {}
        except (DatabaseError, OSError):
            logger.warning("The log cannot be polled: the database is away", exc_info=True)
            return
        for chat_id, seq in found.items():
            if chat_id in self._chats:
                self._chats[chat_id].expect(seq)
        self._user_feeds.on_membership_versions(versions.items())

    async def _run_uncancelled(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for work that goes on when the waiting is cancelled: the layer must not be left mid-command."""
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


async def _fetch_last_seqs(chat_ids: list[int]) -> Mapping[int, int]:
    return await in_thread(last_seqs, chat_ids)


async def _fetch_gap(chat_id: int, first: int, last: int) -> Sequence[DurableEvent]:
    return await in_thread(read_deliverable_gap, chat_id, first, last)
