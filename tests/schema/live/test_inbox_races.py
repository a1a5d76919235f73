"""inboxFeed while chats, memberships and the socket change during its start and its membership checks."""

import asyncio
from typing import Any

import pytest
from pytest_django import Settings

from chats.feeds.hub import Hub, get_hub
from chats.services import add_members, remove_member
from foundation.database import in_thread
from schema.live.delivery import inbox
from schema.live.delivery.attachment import Attachment
from schema.live.delivery.live_chat import LiveChat
from schema.live.delivery.live_chats import live_chats
from schema.live.delivery.stream import Stream
from tests.factories import make_group, say
from tests.schema.executing import ids
from tests.schema.live.inboxes import InboxOutlet, follow_inbox, people_and_chats

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


def all_attachments() -> list[Attachment]:
    """All attachments of this process."""
    return [each for chat in live_chats().open_chats.values() for each in chat.attachments()]


@pytest.mark.parametrize("is_added_again", [False, True], ids=["removed", "added again"])
async def test_a_removal_from_a_chat_while_another_is_opened(
    is_added_again: bool, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.FEED_POLL_SECONDS = settings.FEED_PROBE_SECONDS = 3600
    ann, bob, (one, other) = await people_and_chats(2)
    _watching, watcher = await follow_inbox(ann)
    stock = Hub.catch_up

    async def remove_meanwhile(hub: Hub, feed: Any) -> None:
        await in_thread(remove_member, ann.pk, one.pk, bob.pk)
        if is_added_again:
            await in_thread(say, ann, one, "in their absence")
            await in_thread(add_members, ann.pk, one.pk, [bob.pk])
        await watcher.until(lambda outlet: outlet.seqs(one)[-1:] == [5 if is_added_again else 3])
        await stock(hub, feed)

    monkeypatch.setattr(Hub, "catch_up", remove_meanwhile)
    _operation, outlet = await follow_inbox(bob, {one: 2, other: 9})  # 9 is ahead: the database is asked
    await in_thread(say, ann, one, "the last word")
    await in_thread(say, ann, other, "the last word")
    await outlet.until(lambda outlet: outlet.seqs(other) == [3])
    await watcher.until(lambda outlet: outlet.seqs(one)[-1:] == [6 if is_added_again else 4])
    if is_added_again:
        await outlet.until(lambda outlet: outlet.seqs(one)[-1:] == [6])
    else:
        assert [cursor["chatId"] for cursor in outlet.events[0]["chats"]] == ids(other)
        assert outlet.seqs(one) == []


async def test_a_chat_that_is_closed_while_another_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, (one, other) = await people_and_chats(2)
    stock = Hub.catch_up
    closed = asyncio.Event()
    close = LiveChat.close

    def close_and_set(chat: LiveChat) -> None:
        close(chat)
        if chat.chat_id == one.pk:
            closed.set()

    async def slowly(hub: Hub, feed: Any) -> None:
        async with asyncio.timeout(20):
            await closed.wait()
        await stock(hub, feed)

    monkeypatch.setattr(LiveChat, "close", close_and_set)
    monkeypatch.setattr(Hub, "catch_up", slowly)
    _operation, outlet = await follow_inbox(bob, {one: 2, other: 9})
    await in_thread(say, ann, one)
    await in_thread(say, ann, other)
    await outlet.until(lambda outlet: outlet.seqs(one) == [3] and outlet.seqs(other) == [3])


class StoppingOutlet(InboxOutlet):
    """Stops its operation at the first payload of one type, as a socket that is found closed."""

    operation: Any = None
    stops_at = ""

    def next(self, payload: bytes) -> None:
        super().next(payload)
        if self.names()[-1] == self.stops_at:
            self.operation.stop()


@pytest.mark.parametrize("stops_at", ["ChatAdded", "MemberJoined"])
async def test_a_socket_that_closes_while_a_chat_is_added_leaves_nothing_behind(stops_at: str) -> None:
    ann, bob, _ = await people_and_chats(0)
    outlet = StoppingOutlet()
    outlet.stops_at = stops_at
    outlet.operation, _ = await follow_inbox(bob, outlet=outlet)
    chat = await in_thread(make_group, ann, bob)
    await outlet.until(lambda one: stops_at in one.names())
    await in_thread(say, ann, chat)
    _watching, watcher = await follow_inbox(ann, {chat: 2})
    await watcher.count(2)
    assert outlet.names()[-1] == stops_at, "a call after stop()"
    assert [one.viewer_id for one in all_attachments()] == [ann.pk]


async def test_a_chat_that_cannot_be_started_fails_the_start_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann, bob, (one, other) = await people_and_chats(2)
    await in_thread(say, ann, one)
    await in_thread(say, ann, other)
    stock = LiveChat.attach

    def attach(chat: LiveChat, *arguments: Any) -> Attachment:
        if chat.chat_id == other.pk:
            raise ZeroDivisionError
        return stock(chat, *arguments)

    monkeypatch.setattr(LiveChat, "attach", attach)
    with pytest.raises(ZeroDivisionError):
        await follow_inbox(bob, {one: 2, other: 2})
    assert all_attachments() == []
    assert get_hub()._user_feeds.users_with_membership_listeners() == []


async def test_a_membership_check_that_fails_for_good_ends_the_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would miss a chat unnoticed."""
    ann, bob, _ = await people_and_chats(1)
    _operation, outlet = await follow_inbox(bob)

    def fail(_viewer_id: int) -> list[int]:
        raise ZeroDivisionError("a secret")

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "member_chat_ids", fail)
        await in_thread(make_group, ann, bob)
        await outlet.until(lambda one: one.errors)
    assert outlet.errors is not None
    assert outlet.errors[0]["extensions"]["code"] == "INTERNAL"  # type: ignore[index]
    assert "secret" not in str(outlet.errors)
    assert all_attachments() == []


async def test_chats_that_fail_during_an_event_end_the_inbox_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, chats = await people_and_chats(3)
    _operation, outlet = await follow_inbox(bob)
    _watching, watcher = await follow_inbox(ann, dict.fromkeys(chats, 2))

    def fail(_stream: Stream, _event: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Stream, "announce", fail)
        await asyncio.gather(*(in_thread(say, ann, chat) for chat in chats))
        await outlet.until(lambda one: one.errors)
        await watcher.until(lambda one: one.errors)
    assert all_attachments() == []
    _again, outlet = await follow_inbox(bob, dict.fromkeys(chats, 2))
    await outlet.count(4)
    assert [outlet.seqs(chat) for chat in chats] == [[3], [3], [3]]
