"""Starts chatFeed, and finds the seq at which a subscription of a chat starts."""

from dataclasses import dataclass

from django.conf import settings

from schema.ids import not_found
from schema.live.compiling.event_objects import FeedEvent, feed_ready, feed_reset
from schema.live.compiling.plan import Plan
from schema.live.delivery.live_chat import LiveChat
from schema.live.delivery.live_chats import live_chats
from schema.live.outlet import LiveOperation, Outlet
from schema.subscriptions.source import ChatFeedSource
from schema.types.events import FeedReset, FeedResetReason


@dataclass(frozen=True, slots=True)
class Start:
    """The seq after which a subscription starts, and the reset for a client that cannot start where it asked to."""

    cursor: int
    reset: FeedReset | None


async def start_chat_feed(source: ChatFeedSource, plan: Plan, outlet: Outlet) -> LiveOperation:
    """Start chatFeed. Raises NOT_FOUND for a non-member."""
    chat = await live_chats().open_for_member(source.chat_id, source.viewer_id, source.since)
    if chat is None:
        raise not_found("Chat")
    # No await from here on: membership, seq and attachment belong to one moment of the feed.
    start = start_after(chat, source.viewer_id, source.since)
    prelude: list[FeedEvent] = [feed_ready(chat.chat_id, start.cursor, max(0, chat.last_seq - start.cursor))]
    if start.reset is not None:
        prelude.append(start.reset)
    return chat.attach(plan, source.viewer_id, outlet, start.cursor, prelude)


def start_after(chat: LiveChat, viewer_id: int, since: int | None) -> Start:
    """Where a member starts who has everything up to `since`; None starts at the newest event."""
    last = chat.last_seq
    if since is None:
        return Start(last, None)
    first_readable = chat.feed.first_readable_seq(viewer_id) or last + 1
    cursor = max(since, first_readable - 1)
    reason = None
    if since > last:
        reason = FeedResetReason.AHEAD_OF_SERVER
    elif cursor < chat.feed.horizon_seq - 1:
        reason = FeedResetReason.BEYOND_HORIZON
    elif last - cursor > settings.MAX_REPLAY_EVENTS:
        reason = FeedResetReason.TOO_MANY
    if reason is None:
        return Start(cursor, None)
    return Start(last, feed_reset(chat.chat_id, last, reason))
