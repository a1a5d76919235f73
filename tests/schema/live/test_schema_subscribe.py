"""`schema.subscribe(...)`, as a Strawberry developer uses it: an async generator of ExecutionResults."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from strawberry.types.execution import ExecutionResult, PreExecutionError

from auth.models import User
from chats.models import Chat
from chats.services import edit_message, remove_member, set_typing
from foundation.database import in_thread
from schema.build import ParlorSchema, schema
from schema.live.delivery.attachment import Attachment
from schema.live.delivery.live_chats import live_chats
from schema.live.delivery.result_generator import MAX_QUEUED_RESULTS
from schema.live.delivery.stream import Stream
from schema.queries import Query
from schema.subscriptions.source import ChatFeedSource
from tests.factories import say
from tests.schema.executing import context_of, ids
from tests.schema.live.outlets import PER_VIEWER, SHARED, Subscriber, a_group, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]

MUTATION = 'mutation { logout(refreshToken: "") }'
Results = AsyncGenerator[PreExecutionError | ExecutionResult, None]


async def subscribe(viewer: User, chat: Chat, since: int | None = None, query: str = SHARED) -> Results:
    variables = {"chatId": ids(chat)[0], "since": since}
    return await schema.subscribe(query, variable_values=variables, context_value=context_of(viewer))


async def next_event(results: Results) -> dict[str, Any]:
    """The event of the next result, which must have no errors."""
    async with asyncio.timeout(20):
        result = await anext(results)
    assert result.errors is None
    assert result.data is not None
    event: dict[str, Any] = result.data["chatFeed"]
    return event


async def the_refusal(results: Results) -> dict[str, Any]:
    """`extensions` of the one error that is all there is."""
    async with asyncio.timeout(20):
        (result,) = [result async for result in results]
    assert isinstance(result, PreExecutionError)
    assert result.data is None
    assert result.errors is not None
    (error,) = result.errors
    assert error.extensions is not None
    return error.extensions


def is_idle(chat: Chat) -> bool:
    """Whether the chat has no operation in this process."""
    return live_chats().open_chats[chat.pk].is_idle


@pytest.mark.parametrize("query", [SHARED, PER_VIEWER], ids=["shared", "per viewer"])
async def test_ready_and_then_live_events(query: str) -> None:
    ann, bob, chat = await a_group()
    results = await subscribe(bob, chat, query=query)
    assert await next_event(results) == {"__typename": "FeedReady", "seq": 2, "replayed": 0}
    await in_thread(say, ann, chat, "Good day")
    posted = await next_event(results)
    assert (posted["seq"], posted["message"]["text"]) == (3, "Good day")
    await results.aclose()


async def test_it_is_iterated_like_any_other_subscription() -> None:
    ann, _bob, chat = await a_group(messages=3)
    found = []
    async for result in await subscribe(ann, chat, since=2):
        assert result.data is not None
        found.append(result.data["chatFeed"]["seq"])
        if len(found) == 4:
            break
    assert found == [2, 3, 4, 5]


async def test_a_replay_goes_on_live() -> None:
    ann, bob, chat = await a_group(messages=5)
    results = await subscribe(bob, chat, since=4)
    assert (await next_event(results))["replayed"] == 3
    assert [(await next_event(results))["seq"] for _ in range(3)] == [5, 6, 7]
    await in_thread(say, ann, chat)
    assert (await next_event(results))["seq"] == 8
    await results.aclose()


async def test_an_unknown_chat_is_refused_at_its_field() -> None:
    ann, bob, chat = await a_group()
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    (result,) = [result async for result in await subscribe(bob, chat)]
    assert isinstance(result, PreExecutionError)
    assert result.errors is not None
    (error,) = result.errors
    assert error.path == ["chatFeed"]
    assert error.locations
    assert error.extensions == {"code": "NOT_FOUND"}


async def test_a_resolver_that_refuses() -> None:
    _ann, bob, chat = await a_group()
    assert (await the_refusal(await subscribe(bob, chat, since=-1)))["code"] == "BAD_INPUT"
    anonymous = await schema.subscribe(SHARED, variable_values={"chatId": ids(chat)[0]})
    assert (await the_refusal(anonymous))["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "query",
    [
        None,
        "subscription {",
        "subscription { nothing }",
        "{ viewer { email } }",
        'mutation { logout(refreshToken: "") }',
    ],
)
async def test_a_document_that_is_no_valid_subscription(query: str | None) -> None:
    assert (await the_refusal(await schema.subscribe(query)))["code"] == "BAD_INPUT"


async def test_the_feed_of_a_socket_needs_a_socket() -> None:
    ann, _bob, _chat = await a_group()
    query = "subscription { connectionFeed { __typename } }"
    results = await schema.subscribe(query, context_value=context_of(ann))
    assert (await the_refusal(results))["code"] == "BAD_INPUT"


async def test_an_operation_of_a_document_with_several() -> None:
    ann, _bob, chat = await a_group()
    variables = {"chatId": ids(chat)[0]}
    two = SHARED.replace("subscription", "subscription One") + "query Two { viewer { email } }"
    results = await schema.subscribe(two, variables, context_of(ann), operation_name="One")
    assert (await next_event(results))["__typename"] == "FeedReady"
    await results.aclose()


async def test_a_removal_ends_it() -> None:
    ann, bob, chat = await a_group()
    results = await subscribe(bob, chat)
    await next_event(results)
    await in_thread(remove_member, ann.pk, chat.pk, bob.pk)
    async with asyncio.timeout(20):
        rest = [result async for result in results]
    assert [result.data["chatFeed"]["seq"] for result in rest if result.data] == [3]
    assert is_idle(chat)


async def test_a_feed_that_fails_ends_with_masked_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob, chat = await a_group()
    results = await subscribe(bob, chat)
    await next_event(results)

    def fail(_stream: Stream, _event: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(Stream, "announce", fail)
    await in_thread(say, ann, chat)
    async with asyncio.timeout(20):
        (result,) = [result async for result in results]
    assert not isinstance(result, PreExecutionError)
    assert result.data is None
    assert result.errors is not None
    (error,) = result.errors
    assert error.extensions is not None
    assert error.extensions["code"] == "INTERNAL"
    assert "secret" not in str(error)
    assert is_idle(chat)


async def test_nothing_starts_before_the_first_result_is_asked_for() -> None:
    _ann, bob, chat = await a_group()
    results = await subscribe(bob, chat)
    assert chat.pk not in live_chats().open_chats
    await results.aclose()
    assert chat.pk not in live_chats().open_chats


async def test_closing_the_generator_stops_the_operation() -> None:
    _ann, bob, chat = await a_group()
    results = await subscribe(bob, chat)
    await next_event(results)
    assert not is_idle(chat)
    await results.aclose()
    assert is_idle(chat)


async def test_cancelling_the_consumer_stops_the_operation() -> None:
    _ann, bob, chat = await a_group()
    results = await subscribe(bob, chat)
    await next_event(results)
    waiting = asyncio.create_task(anext(results))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert is_idle(chat)


async def test_a_generator_that_is_dropped_stops_the_operation() -> None:
    _ann, bob, chat = await a_group()
    results = await subscribe(bob, chat)
    await next_event(results)
    del results
    async with asyncio.timeout(20):
        while not is_idle(chat):  # noqa: ASYNC110 - there is no event: the loop closes it in a task
            await asyncio.sleep(0.01)


async def slow_consumer(messages: int) -> tuple[User, Chat, Results, Attachment, Subscriber]:
    """A consumer that has taken FeedReady only, while somebody posted messages; and a watcher who has them all."""
    ann, bob, chat = await a_group()
    results = await subscribe(bob, chat)
    await next_event(results)
    (attachment,) = live_chats().open_chats[chat.pk].attachments()
    watcher, _ = await follow_ready(ann, chat)
    for number in range(messages):
        await in_thread(say, ann, chat, f"{number}")
    await watcher.outlet.events(messages)
    assert not attachment.outlet.open
    assert attachment.cursor == 2 + MAX_QUEUED_RESULTS
    return ann, chat, results, attachment, watcher


async def test_a_slow_consumer_is_bounded_and_loses_nothing() -> None:
    most = 2 * MAX_QUEUED_RESULTS
    ann, chat, results, attachment, _watcher = await slow_consumer(most)
    assert [(await next_event(results))["seq"] for _ in range(most)] == list(range(3, 3 + most))
    await in_thread(say, ann, chat)
    assert (await next_event(results))["seq"] == 3 + most
    assert attachment.outlet.open
    await results.aclose()


async def test_a_slow_consumer_gets_the_latest_ephemeral_event_of_each_person() -> None:
    ann, chat, results, _attachment, watcher = await slow_consumer(MAX_QUEUED_RESULTS)
    for typing in (True, False):
        await in_thread(set_typing, ann.pk, chat.pk, typing=typing)
    await watcher.outlet.wait_for(lambda: len(watcher.outlet.ephemeral) == 2)
    events = [await next_event(results) for _ in range(MAX_QUEUED_RESULTS + 1)]
    assert [event["typing"] for event in events if event["__typename"] == "TypingChanged"] == [False]
    await results.aclose()


async def test_two_consumers_of_one_chat() -> None:
    ann, bob, chat = await a_group()
    both = [await subscribe(viewer, chat) for viewer in (ann, bob)]
    for results in both:
        await next_event(results)
    assert len(live_chats().open_chats[chat.pk].streams) == 1
    message = await in_thread(say, ann, chat, "Good day")
    await both[0].aclose()
    await in_thread(edit_message, ann.pk, message.pk, "Good evening")
    texts = [(await next_event(both[1]))["message"]["text"] for _ in range(2)]
    assert texts == ["Good day", "Good evening"]
    await both[1].aclose()


async def test_a_schema_without_the_engine_says_what_to_import() -> None:
    with pytest.raises(RuntimeError, match=r"schema\.execution"):
        await ParlorSchema(query=Query).subscribe("subscription { nothing }")


def test_a_source_cannot_be_iterated() -> None:
    with pytest.raises(TypeError, match=r"schema\.subscribe"):
        aiter(ChatFeedSource(chat_id=1, viewer_id=1, since=None))
