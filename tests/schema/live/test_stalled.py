"""No event is executed while no client reads: clients ask for it when they resume."""

import pytest

from chats.events import DurableEvent
from foundation.database import in_thread
from schema.live.compiling import plan
from schema.live.compiling.event_objects import FeedEvent
from schema.live.delivery.live_chats import live_chats
from tests.factories import make_group, make_users, say
from tests.schema.live.outlets import PER_VIEWER, SHARED, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]

# The same for all viewers, but more than the event holds.
WITH_LOOKUP = SHARED.replace("message { id text", "message { id text replyTo { id }")
# Another selection, and so another stream.
WATCHER = """subscription ($chatId: ID!, $since: Int) {
  chatFeed(chatId: $chatId, since: $since) { __typename ... on ChatEvent { seq } ... on FeedReady { replayed } }
}"""


@pytest.mark.parametrize(
    "query", [SHARED, WITH_LOOKUP, PER_VIEWER], ids=["projected", "shared", "per viewer"]
)
async def test_an_event_is_not_executed_while_no_client_reads(
    query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await in_thread(make_users, 2)
    chat = await in_thread(make_group, ann, bob)
    stalled = [(await follow_ready(bob, chat, query=query))[0] for _ in range(3)]
    (stream,) = live_chats().open_chats[chat.pk].streams.values()
    executed: list[object] = []

    async def execute(self: plan.Plan, event: FeedEvent) -> bytes:
        executed.append(event)
        return await original(self, event)

    original = plan.Plan.execute
    monkeypatch.setattr(plan.Plan, "execute", execute)
    if stream._project is not None:
        project = stream._project

        def counted(event: DurableEvent) -> bytes:
            executed.append(event)
            return project(event)

        monkeypatch.setattr(stream, "_project", counted)
    for subscriber in stalled:
        subscriber.close()
    watcher, _ = await follow_ready(ann, chat, query=WATCHER)
    for _ in range(5):
        await in_thread(say, ann, chat)
    assert await watcher.outlet.seqs(5) == [3, 4, 5, 6, 7]
    assert [event for event in executed if isinstance(event, DurableEvent)] == []
    for subscriber in stalled:
        subscriber.reopen()
    for subscriber in stalled:
        assert await subscriber.outlet.seqs(5) == [3, 4, 5, 6, 7]
    assert len([event for event in executed if isinstance(event, DurableEvent)]) >= 5
