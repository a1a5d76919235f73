"""Starts a subscription: runs the field's resolver, which names the feed, compiles the plan and starts that feed."""

import asyncio
from typing import Any

from graphql import ExecutionResult, GraphQLError, create_source_event_stream
from graphql.execution import Executor

from foundation.errors import ParlorError
from schema.context import Context
from schema.documents.prepared import PreparedOperation
from schema.errors import RequestRefused, format_error, format_errors
from schema.live.compiling.plan import build_executor, compile_plan
from schema.live.delivery.inbox import start_inbox_feed
from schema.live.delivery.socket_feed import SocketFeed
from schema.live.delivery.start import start_chat_feed
from schema.live.outlet import LiveOperation, Outlet
from schema.subscriptions.source import InboxSource, SocketFeedSource


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
        if isinstance(source, SocketFeedSource):
            return SocketFeed(source, plan, outlet)
        if isinstance(source, InboxSource):
            return await start_inbox_feed(source, plan, plan.for_viewer(context), outlet)
        return await start_chat_feed(source, plan, outlet)
    except ParlorError as error:
        raise _refused_at_field(error, executor) from None


def _refused_at_field(error: ParlorError, executor: Executor[Any]) -> RequestRefused:
    """The refusal of a feed, with the location and the path of its field."""
    node = executor.operation.selection_set.selections[0]
    name = getattr(getattr(node, "alias", None) or getattr(node, "name", None), "value", None)
    path = [name] if name else None
    return RequestRefused([format_error(GraphQLError(error.message, node, path=path, original_error=error))])
