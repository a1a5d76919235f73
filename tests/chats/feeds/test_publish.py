"""Publishing: after the commit or never, in order, and its failures never reach the writer."""

import asyncio
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.db import transaction
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from chats.feeds import publish as publish_module
from chats.models import Message
from foundation.database import in_thread
from tests.chats.feeds.listeners import a_chat, listen
from tests.factories import make_group, make_users, say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def without_poll(hub_of_the_loop: None, settings: Settings) -> None:
    """Without the poll, what is not published does not arrive."""
    settings.FEED_PROBE_SECONDS = settings.FEED_POLL_SECONDS = 3600


class LossyLayer:
    """Replaces the layer: records what is sent; raises `error` if it is set, and waits for `may_send`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.error: Exception | None = None
        self.may_send = asyncio.Event()
        self.may_send.set()
        monkeypatch.setattr(publish_module, "get_channel_layer", lambda: self)

    async def group_send_many(self, messages: list[tuple[str, Any]]) -> None:
        """Send."""
        await self.may_send.wait()
        if self.error is not None:
            raise self.error
        self.sent += messages


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> LossyLayer:
    return LossyLayer(monkeypatch)


async def test_a_rolled_back_event_is_never_published(without_poll: None) -> None:
    ann, _bob, chat = await a_chat()
    listener, _feed = await listen(chat)

    def send_and_roll_back() -> None:
        with transaction.atomic():
            say(ann, chat, "rolled back")
            transaction.set_rollback(True)

    await in_thread(send_and_roll_back)
    await in_thread(say, ann, chat, "committed")
    await listener.until(lambda one: one.seqs)
    assert listener.seqs == [3]


async def test_nothing_is_published_before_the_commit(without_poll: None, layer: LossyLayer) -> None:
    ann, _bob, chat = await a_chat()
    layer.sent.clear()
    loop = asyncio.get_running_loop()

    def sent_so_far() -> int:
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(0, len(layer.sent)), loop).result()

    def talk() -> int:
        with transaction.atomic():
            say(ann, chat)
            say(ann, chat)
            return sent_so_far()

    assert await in_thread(talk) == 0
    await in_thread(sent_so_far)
    assert sum(len(message["events"]) for _group, message in layer.sent) == 2


async def test_events_of_a_chat_go_out_in_their_order(without_poll: None) -> None:
    ann, _bob, chat = await a_chat()
    listener, _feed = await listen(chat)

    def talk() -> None:
        for _ in range(10):
            say(ann, chat)

    await asyncio.gather(*(in_thread(talk) for _ in range(4)))
    await listener.until(lambda one: len(one.seqs) >= 40)
    assert listener.seqs == list(range(3, 43))


async def test_a_failed_publication_does_not_fail_the_write(
    without_poll: None, layer: LossyLayer, caplog: pytest.LogCaptureFixture
) -> None:
    ann, _bob, chat = await a_chat()
    for error in (
        RedisConnectionError("secret address"),
        OSError("secret"),
        ValueError("secret"),
        TimeoutError(),
    ):
        layer.error = error
        sent = await in_thread(say, ann, chat)
        assert await in_thread(Message.objects.filter(pk=sent.pk).exists)
    assert "secret" not in caplog.text
    layer.error = None
    layer.sent.clear()
    await in_thread(say, ann, chat)
    async with asyncio.timeout(20):
        while not layer.sent:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)
    assert len(layer.sent) == 1


async def test_the_queue_is_bounded_and_a_writer_never_waits(
    without_poll: None, layer: LossyLayer, settings: Settings
) -> None:
    settings.PUBLISH_QUEUE_LENGTH = 5
    ann, _bob, chat = await a_chat()
    await in_thread(lambda: None)
    layer.sent.clear()
    layer.may_send.clear()

    def talk() -> None:
        for _ in range(30):
            say(ann, chat)

    await in_thread(talk)
    waiting = publish_module._publish_queue().waiting
    assert len(waiting) == 5
    layer.may_send.set()
    async with asyncio.timeout(20):
        while waiting or len(layer.sent) < 2:
            await asyncio.sleep(0)
            waiting = publish_module._publish_queue().waiting
    # Those that were being sent, and those that waited.
    assert sum(len(message["events"]) for _group, message in layer.sent) <= 5 + 5
    assert get_channel_layer() is not layer


def test_without_a_loop_publishing_sends_before_it_returns(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = make_users(2)
    chat = make_group(ann, bob)
    layer = LossyLayer(monkeypatch)
    say(ann, chat)
    assert len(layer.sent) == 1
