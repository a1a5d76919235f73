"""Checks that the log replays exactly what was published live."""

from collections.abc import Callable

import pytest

from chats.events import DurableEvent, EphemeralEvent, decode, encode
from chats.feeds import publish as publish_module
from chats.log.read import last_seqs, read_range

Published = list[DurableEvent]
AssertConverges = Callable[[], None]


def record_published(monkeypatch: pytest.MonkeyPatch) -> Published:
    """A list to which every published durable event is added, after encoding and decoding."""
    events: Published = []

    def record(*published: DurableEvent | EphemeralEvent) -> None:
        received = [decode(encode(event)) for event in published]
        events.extend(event for event in received if isinstance(event, DurableEvent))

    monkeypatch.setattr(publish_module, "publish", record)
    return events


def check_convergence(published: Published) -> None:
    """Each chat has seqs 1, 2, 3 ... in order, and its log replays exactly what was published.

    True only while no later event has changed a message or member that an earlier one names.
    """
    for chat_id in {event.chat_id for event in published}:
        of_chat = [event for event in published if event.chat_id == chat_id]
        assert [event.seq for event in of_chat] == list(range(1, len(of_chat) + 1))
        assert last_seqs([chat_id]) == {chat_id: len(of_chat)}
        assert read_range(chat_id, 1, len(of_chat) + 1) == of_chat
