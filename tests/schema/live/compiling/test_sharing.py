"""One execution for all equal subscriptions; one per viewer as soon as a field depends on the viewer."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import execute_subscription_event
from pytest_django import Settings

from chats.models import Membership
from foundation.database import in_thread
from schema.documents import prepared
from schema.live.compiling import plan as plan_module
from schema.live.compiling.projection import compile_projection
from schema.live.delivery.live_chats import live_chats
from tests.factories import make_group, make_users, say
from tests.schema.live.outlets import PER_VIEWER, SHARED, FakeOutlet, a_group, follow, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]

FRAGMENTS = """subscription Other($chatId: ID!, $since: Int) {
  chatFeed(chatId: $chatId, since: $since) { ...Event }
}
fragment Event on ChatFeedEvent""" + SHARED[SHARED.index("{\n    __typename") :].rstrip()[:-1]


class Executions:
    """Counts projections and executions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.projected = 0
        self.executed = 0
        monkeypatch.setattr(prepared, "_store", None)

        def compile_counting(*arguments: Any) -> Callable[[object], bytes] | None:
            projection = compile_projection(*arguments)
            if projection is None:
                return None

            def project(event: object) -> bytes:
                self.projected += 1
                return projection(event)

            return project

        def execute_counting(executor: Any) -> Any:
            self.executed += 1
            return execute_subscription_event(executor)

        monkeypatch.setattr(plan_module, "compile_projection", compile_counting)
        monkeypatch.setattr(plan_module, "execute_subscription_event", execute_counting)

    def since(self) -> tuple[int, int]:
        """Projections and executions since the last call."""
        found = self.projected, self.executed
        self.projected = self.executed = 0
        return found


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> Executions:
    return Executions(monkeypatch)


async def test_an_event_is_executed_once_for_equal_subscriptions(executions: Executions) -> None:
    ann, bob, chat = await a_group()
    await in_thread(say, ann, chat)
    # Whatever their `since` is.
    subscribers = [
        (await follow_ready(viewer, chat, since))[0] for viewer in (ann, bob) for since in (None, 3)
    ]
    executions.since()
    await in_thread(say, ann, chat)
    payloads = set()
    for subscriber in subscribers:
        await subscriber.outlet.events(1)
        payloads.add(id(subscriber.outlet.payloads[-1]))
    assert executions.since() == (1, 0)
    assert len(payloads) == 1
    assert len(live_chats().open_chats[chat.pk].streams) == 1


async def test_different_selections_are_executed_separately(executions: Executions) -> None:
    ann, bob, chat = await a_group()
    one, _ = await follow_ready(ann, chat)
    other, _ = await follow_ready(bob, chat, query=FRAGMENTS)
    executions.since()
    await in_thread(say, ann, chat)
    assert await one.outlet.events(1) == await other.outlet.events(1)
    assert executions.since() == (2, 0)


async def test_fields_that_depend_on_the_viewer_are_executed_for_each(executions: Executions) -> None:
    ann, bob, chat = await a_group()

    def mark_read() -> None:
        Membership.objects.filter(chat=chat, user=ann).update(last_read_seq=100)

    await in_thread(mark_read)
    subscribers = [(await follow_ready(viewer, chat, query=PER_VIEWER))[0] for viewer in (ann, bob, bob)]
    executions.since()
    await in_thread(say, ann, chat)
    of_ann, of_bob, again = [
        (await subscriber.outlet.event())["message"]["chat"] for subscriber in subscribers
    ]
    assert of_ann == {"viewerMembership": {"unreadCount": 0}}
    assert of_bob == again == {"viewerMembership": {"unreadCount": 1}}
    assert executions.since() == (0, 2)


CONDITIONAL = """subscription ($chatId: ID!, $text: Boolean!, $since: Int) {
  chatFeed(chatId: $chatId, since: $since) {
    __typename
    ... on ChatEvent { seq @skip(if: $text) }
    ... on MessagePosted { message { text @include(if: $text) } }
  }
}"""


async def test_variables_in_the_selection_make_separate_plans() -> None:
    from schema.documents.prepared import prepare
    from schema.execution import OperationRequest, subscribe
    from tests.schema.executing import context_of, ids

    ann, _bob, chat = await a_group()
    outlets = {True: FakeOutlet(), False: FakeOutlet()}
    for text, outlet in outlets.items():
        request = OperationRequest(CONDITIONAL, variables={"chatId": ids(chat)[0], "text": text})
        await subscribe(prepare(request), context_of(ann), outlet)
    await in_thread(say, ann, chat, "Hello")
    with_text = (await outlets[True].events(2))[1]
    without = (await outlets[False].events(2))[1]
    assert with_text == {"__typename": "MessagePosted", "message": {"text": "Hello"}}
    assert without == {"__typename": "MessagePosted", "seq": 3, "message": {}}


async def test_an_alias_of_the_feed_is_its_response_key() -> None:
    ann, _bob, chat = await a_group()
    aliased = SHARED.replace("chatFeed(", "again: chatFeed(")
    plain, outlet = FakeOutlet(), FakeOutlet()
    await follow(ann, chat, outlet=plain)
    await follow(ann, chat, query=aliased, outlet=outlet)
    await in_thread(say, ann, chat)
    await plain.wait_for(lambda: len(plain.payloads) == 2)
    await outlet.wait_for(lambda: len(outlet.payloads) == 2)
    for one, other in zip(plain.payloads, outlet.payloads, strict=True):
        assert one.replace(b'{"chatFeed":', b'{"again":') == other


async def test_the_cached_payloads_of_a_stream_are_bounded_in_bytes(settings: Settings) -> None:
    settings.STREAM_BYTES_KEPT = 1000
    ann, chat = await in_thread(lambda: ((ann := make_users(1)[0]), make_group(ann)))
    subscriber, _ = await follow_ready(ann, chat)
    (stream,) = live_chats().open_chats[chat.pk].streams.values()
    for number in range(8):
        await in_thread(say, ann, chat, "x" * (2000 if number == 3 else 150))
        await subscriber.outlet.event()
        assert sum(map(len, stream._payloads.values())) == stream._cached_bytes <= 1000
    assert set(stream._payloads) == {7, 8, 9}
    other, replayed = await follow_ready(ann, chat, 1)
    assert replayed == 8
    assert await other.outlet.seqs(8) == list(range(2, 10))
    assert stream._cached_bytes <= 1000
