"""The estimated size of an event is close to the memory that it really takes."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chats import events
from chats.log.event_sizes import event_bytes
from chats.models import MemberRole, MessageKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 300


def profile(number: int) -> events.Profile:
    return events.Profile(
        user_id=10_000 + number,
        username=f"person{number}",
        display_name=f"Person number {number}",
        avatar_url=f"https://pictures.example/{number}.png",
        is_bot=False,
    )


def posted(number: int, text: str) -> events.DurableEvent:
    message = events.MessageSnapshot(
        id=10_000 + number,
        chat_id=10_000,
        seq=1000 + number,
        kind=MessageKind.TEXT,
        client_id=f"{number:036}",
        sender=profile(number),
        text=text,
        reply_to_id=None,
        created_at=NOW,
        edited_at=None,
        deleted_at=None,
    )
    return events.MessagePosted(
        chat_id=10_000, seq=1000 + number, at=NOW, actor=profile(number), message=message
    )


def joined(number: int) -> events.DurableEvent:
    member = events.MemberSnapshot(
        user=profile(number),
        role=MemberRole.MEMBER,
        joined_at=NOW,
        joined_seq=1000 + number,
        last_read_seq=500 + number,
        last_delivered_seq=600 + number,
    )
    return events.MemberJoined(
        chat_id=10_000, seq=1000 + number, at=NOW, actor=profile(number), member=member
    )


def deleted(number: int) -> events.DurableEvent:
    return events.MessageDeleted(
        chat_id=10_000,
        seq=1000 + number,
        at=NOW,
        actor=profile(number),
        message_id=10_000,
        message_seq=number,
    )


def left(number: int) -> events.DurableEvent:
    return events.MemberLeft(
        chat_id=10_000, seq=1000 + number, at=NOW, actor=profile(number), user=profile(number), removed=True
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda number: posted(number, ""),
        lambda number: posted(number, "Hello" * 20),
        lambda number: posted(number, "x" * 4000),
        lambda number: posted(number, "x" * 3999 + "\N{GRINNING FACE}"),
        joined,
        left,
        deleted,
    ],
    ids=["tombstone", "short", "long", "wide", "joined", "left", "deleted"],
)
def test_the_estimate_is_close_to_the_real_size(make: Callable[[int], events.DurableEvent]) -> None:
    bodies = [events.encode(make(number)) for number in range(COUNT)]
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    decoded = [events.decode(body) for body in bodies]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    real = (after - before) / COUNT
    (estimate,) = {event_bytes(event) for event in decoded[100:] if isinstance(event, events.DurableEvent)}
    assert real * 0.9 <= estimate <= real * 1.35, (real, estimate)
