"""Starting a subscription: its field's resolver names the feed, access is checked, and a plan is attached."""

import asyncio
from typing import Any

from django.conf import settings
from graphql import ExecutionResult, GraphQLError, create_source_event_stream
from graphql.execution import Executor

from foundation.errors import ParlorError
from schema.context import Context
from schema.documents import PreparedOperation
from schema.errors import RequestRefused, format_error, format_errors
from schema.ids import not_found
from schema.live.connection_feed import ConnectionFeed
from schema.live.live_chat import LiveChat
from schema.live.live_chats import live_chats
from schema.live.outlet import LiveOperation, Outlet
from schema.live.plan import Plan, build_executor, compile_plan
from schema.live.present import FeedEvent, present_ready, present_reset
from schema.live.source import ChatFeedSource, ConnectionFeedSource
from schema.types.events import FeedResetReason


async def subscribe(prepared: PreparedOperation, context: Context, outlet: Outlet) -> LiveOperation:
    """Run a subscription into `outlet` until it is stopped. Raises RequestRefused if the feed may not start."""
    executor = build_executor(prepared, context)
    source: Any = create_source_event_stream(executor)
    if asyncio.iscoroutine(source):
        try:
            source = await source
        except GraphQLError as error:
            raise RequestRefused([format_error(error)]) from None
    if isinstance(source, ExecutionResult):
        raise RequestRefused(format_errors(source.errors or ()))
    try:
        plan = compile_plan(prepared, executor, context)
        if isinstance(source, ConnectionFeedSource):
            return ConnectionFeed(source, plan, outlet)
        return await _follow_chat(source, plan, outlet)
    except ParlorError as error:
        raise _located(error, executor) from None


async def _follow_chat(source: ChatFeedSource, plan: Plan, outlet: Outlet) -> LiveOperation:
    chat = await live_chats().open(source.chat_id)
    if chat is None:
        raise not_found("Chat")
    # No await from here on: membership, seq and attachment belong to one moment of the feed.
    first_readable = chat.feed.first_readable_seq(source.viewer_id)
    if first_readable is None:
        live_chats().release(chat)
        raise not_found("Chat")
    cursor, prelude = _start(chat, source.since, first_readable)
    return chat.attach(plan, source.viewer_id, outlet, cursor, prelude)


def _start(chat: LiveChat, since: int | None, first_readable: int) -> tuple[int, list[FeedEvent]]:
    """After which seq the operation starts, and what it is told before the first event."""
    last = chat.last_seq
    if since is None:
        return last, [present_ready(chat.chat_id, last, 0)]
    start = max(since, first_readable - 1)
    reason = None
    if since > last:
        reason = FeedResetReason.AHEAD_OF_SERVER
    elif start < chat.feed.horizon_seq - 1:
        reason = FeedResetReason.BEYOND_HORIZON
    elif last - start > settings.MAX_REPLAY_EVENTS:
        reason = FeedResetReason.TOO_MANY
    if reason is None:
        return start, [present_ready(chat.chat_id, start, last - start)]
    return last, [present_ready(chat.chat_id, last, 0), present_reset(chat.chat_id, last, reason)]


def _located(error: ParlorError, executor: Executor[Any]) -> RequestRefused:
    """The refusal of a feed, told as an error of its field."""
    node = executor.operation.selection_set.selections[0]
    name = getattr(getattr(node, "alias", None) or getattr(node, "name", None), "value", None)
    path = [name] if name else None
    return RequestRefused([format_error(GraphQLError(error.message, node, path=path, original_error=error))])
