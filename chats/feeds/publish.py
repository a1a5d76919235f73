"""The only way out of the domain: every sending to a group is here.

A publication may be lost: the layer is at-most-once, Redis may be away, the queue here is bounded. That is safe,
because the durable events are in the log and the hub heals from it; so a failed publication is logged and never fails
the write that it follows.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from functools import partial

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction

from chats.events import DurableEvent, EphemeralEvent, MemberJoined, encode
from chats.feeds.group_names import chat_group, user_group
from foundation.database import calling_loop
from foundation.outage_log import OutageLog
from foundation.per_loop import PerLoop

logger = logging.getLogger(__name__)
_outage = OutageLog(
    logger,
    "Events cannot be published through Redis: feeds read them from the log.",
    "events are published through Redis again.",
)
_overflow = OutageLog(
    logger,
    "The queue of publications is full, and new ones are dropped: feeds read them from the log.",
    "the queue of publications has room again.",
)

EVENTS = "feed.events"
CONTROL = "feed.control"
MEMBERSHIP = "feed.membership"

Publication = tuple[str, dict[str, object]]


def publish_on_commit(*events: DurableEvent) -> None:
    """Publish `events` once the current transaction has committed; nothing, if it rolls back.

    To be called inside the transaction that logs them. Events of one chat go out in their order.
    """
    transaction.on_commit(partial(publish, *events), robust=True)


def publish(*events: DurableEvent | EphemeralEvent) -> None:
    """Publish to the chats' feeds now, from synchronous code. Returns at once where a loop waits to do the sending.

    Who has joined a chat does not follow it yet, so they are told over their own feed.
    """
    by_chat: dict[int, list[bytes]] = {}
    for event in events:
        by_chat.setdefault(event.chat_id, []).append(encode(event))
    joined = {event.member.user.user_id for event in events if isinstance(event, MemberJoined)}
    _dispatch(
        [_chat_publication(chat_id, bodies) for chat_id, bodies in by_chat.items()]
        + [(user_group(user_id), {"type": MEMBERSHIP, "user": user_id}) for user_id in sorted(joined)]
    )


def _chat_publication(chat_id: int, bodies: list[bytes]) -> Publication:
    return chat_group(chat_id), {"type": EVENTS, "chat": chat_id, "events": bodies}


def publish_control(user_id: int, body: bytes) -> None:
    """Publish a control message, of a coding that is the caller's own, to every process that serves this person."""
    _dispatch([(user_group(user_id), {"type": CONTROL, "user": user_id, "body": body})])


def _dispatch(publications: list[Publication]) -> None:
    loop = calling_loop()
    if loop is not None and loop.is_running():
        loop.call_soon_threadsafe(_enqueue, publications)
    else:
        async_to_sync(_send_all)(publications)


class _Outgoing:
    """The publications of one loop, sent in their order by one task: what comes meanwhile goes in one round trip."""

    def __init__(self) -> None:
        self.queue: deque[Publication] = deque()
        self.task: asyncio.Task[None] | None = None

    async def drain(self) -> None:
        while self.queue:
            waiting, self.queue = self.queue, deque()
            await _send_all(waiting)


_outgoing = PerLoop(_Outgoing)


def _enqueue(publications: Iterable[Publication]) -> None:
    outgoing = _outgoing()
    for publication in publications:
        if len(outgoing.queue) >= settings.PUBLISH_QUEUE_LENGTH:
            _overflow.failed(OverflowError())
            break
        _overflow.succeeded()
        outgoing.queue.append(publication)
    if outgoing.task is None or outgoing.task.done():
        outgoing.task = asyncio.get_running_loop().create_task(outgoing.drain(), name="publish")


async def _send_all(publications: Iterable[Publication]) -> None:
    try:
        await get_channel_layer().group_send_many(_merged(publications))
    except Exception as error:
        _outage.failed(error)
    else:
        _outage.succeeded()


def _merged(publications: Iterable[Publication]) -> list[Publication]:
    """The same, with the events of each chat in one message."""
    merged: list[Publication] = []
    bodies_of: dict[str, list[bytes]] = {}
    for group, message in publications:
        bodies = message.get("events")
        if not isinstance(bodies, list):
            merged.append((group, message))
        elif group in bodies_of:
            bodies_of[group] += bodies
        else:
            bodies_of[group] = list(bodies)
            merged.append((group, {**message, "events": bodies_of[group]}))
    return merged
