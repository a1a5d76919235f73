"""Publishes events and control messages through the channel layer. Nothing else in the domain sends to a group.

A publication may be lost: the layer delivers at most once, Redis may be away, the queue here is bounded. That is safe,
because the durable events are in the log and the hub reads there what is missing; so a failed publication is logged
and never fails the write that it follows.
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
    """Publish `events` once the current transaction has committed; if it rolls back, nothing is published.

    Call it inside the transaction that logs the events. Events of one chat go out in their order.
    """
    transaction.on_commit(partial(publish, *events), robust=True)


def publish(*events: DurableEvent | EphemeralEvent) -> None:
    """Publish to the chats' groups now, from synchronous code. Called on behalf of an event loop, it only queues them.

    A new member does not listen to the chat yet, so a notice goes to the person's own group.
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
    """Publish a control message, whose encoding is the caller's, to every process that serves this person."""
    _dispatch([(user_group(user_id), {"type": CONTROL, "user": user_id, "body": body})])


def _dispatch(publications: list[Publication]) -> None:
    loop = calling_loop()
    if loop is not None and loop.is_running():
        loop.call_soon_threadsafe(_enqueue, publications)
    else:
        async_to_sync(_send_all)(publications)


class _PublishQueue:
    """One loop's publications, sent in order by one task. What is queued during a round trip goes with the next one."""

    def __init__(self) -> None:
        self.waiting: deque[Publication] = deque()
        self.task: asyncio.Task[None] | None = None

    async def send_waiting(self) -> None:
        while self.waiting:
            waiting, self.waiting = self.waiting, deque()
            await _send_all(waiting)


_publish_queue = PerLoop(_PublishQueue)


def _enqueue(publications: Iterable[Publication]) -> None:
    queue = _publish_queue()
    for publication in publications:
        if len(queue.waiting) >= settings.PUBLISH_QUEUE_LENGTH:
            _overflow.failed(OverflowError())
            break
        _overflow.succeeded()
        queue.waiting.append(publication)
    if queue.task is None or queue.task.done():
        queue.task = asyncio.get_running_loop().create_task(queue.send_waiting(), name="publish")


async def _send_all(publications: Iterable[Publication]) -> None:
    try:
        await get_channel_layer().group_send_many(_merge_events_by_chat(publications))
    except Exception as error:
        _outage.failed(error)
    else:
        _outage.succeeded()


def _merge_events_by_chat(publications: Iterable[Publication]) -> list[Publication]:
    """The same publications, with all events of a chat in one message."""
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
