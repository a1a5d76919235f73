"""Following one chat: who may, from where on, and what they are told first."""

import contextlib
from dataclasses import dataclass

from django.conf import settings

from chats.feeds.chat_feed import FeedClosed
from chats.feeds.hub import get_hub
from schema.ids import not_found
from schema.live.compiling.event_objects import FeedEvent, present_ready, present_reset
from schema.live.compiling.plan import Plan
from schema.live.delivery.live_chat import LiveChat
from schema.live.delivery.live_chats import live_chats
from schema.live.outlet import LiveOperation, Outlet
from schema.subscriptions.source import ChatFeedSource
from schema.types.events import FeedReset, FeedResetReason


@dataclass(frozen=True, slots=True)
class Start:
    """After which seq an operation starts; the reset that it is told of, if it cannot start where it asked to."""

    cursor: int
    reset: FeedReset | None


async def follow_chat(source: ChatFeedSource, plan: Plan, outlet: Outlet) -> LiveOperation:
    """Start chatFeed. Raises NOT_FOUND for who is not a member."""
    chat = await open_chat(source.chat_id, source.viewer_id, source.since)
    if chat is None:
        raise not_found("Chat")
    # No await from here on: membership, seq and attachment belong to one moment of the feed.
    start = start_after(chat, source.viewer_id, source.since)
    prelude: list[FeedEvent] = [
        present_ready(chat.chat_id, start.cursor, max(0, chat.last_seq - start.cursor))
    ]
    if start.reset is not None:
        prelude.append(start.reset)
    return chat.attach(plan, source.viewer_id, outlet, start.cursor, prelude)


async def open_chat(chat_id: int, viewer_id: int, since: int | None = None) -> LiveChat | None:
    """The live chat, if the viewer is a member at its present seq. It must be attached to before the next await.

    Whoever seems to be no member, or to be ahead of us, may come from a process that has heard more than this one: the
    database decides. Raises django.db.Error.
    """
    chat = await live_chats().open_for(viewer_id, chat_id)
    if chat is None:
        return None
    if not is_member(chat, viewer_id) or (since is not None and since > chat.last_seq):
        # A feed that is closed meanwhile is no loss: the next one begins where the database is.
        with contextlib.suppress(FeedClosed):
            await get_hub().catch_up(chat.feed)
        chat = await live_chats().open(chat_id)
    return chat if chat is not None and is_member(chat, viewer_id) else None


def is_member(chat: LiveChat, viewer_id: int) -> bool:
    """Whether they are a member at the chat's present seq."""
    return chat.feed.first_readable_seq(viewer_id) is not None


def start_after(chat: LiveChat, viewer_id: int, since: int | None) -> Start:
    """Where a member who has everything up to `since` goes on; None is now."""
    last = chat.last_seq
    if since is None:
        return Start(last, None)
    first_readable = chat.feed.first_readable_seq(viewer_id) or last + 1
    start = max(since, first_readable - 1)
    reason = None
    if since > last:
        reason = FeedResetReason.AHEAD_OF_SERVER
    elif start < chat.feed.horizon_seq - 1:
        reason = FeedResetReason.BEYOND_HORIZON
    elif last - start > settings.MAX_REPLAY_EVENTS:
        reason = FeedResetReason.TOO_MANY
    if reason is None:
        return Start(start, None)
    return Start(last, present_reset(chat.chat_id, last, reason))
