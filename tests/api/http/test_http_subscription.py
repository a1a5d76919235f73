"""Subscriptions over HTTP: start, flow control, and every way to end."""

import asyncio
import logging
from datetime import timedelta

import pytest
from pytest_django import Settings

from api.http import identity_watch
from api.http.app import GraphQLHTTP
from api.http.open_subscriptions import open_subscriptions
from api.socket.control_feed import send_control
from api.socket.control_messages import CloseSocket, Revoke
from auth.identity import Identity
from chats.feeds.hub import get_hub
from foundation.errors import ErrorCode
from tests.api.http.asgi import call, open_stream, post
from tests.api.http.fakes import SUBSCRIPTION, FakeExecutor, identity_of, refusal
from tests.client import eventually

SSE = ("accept", "text/event-stream")
MULTIPART = ("accept", "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json;q=0.9")
BEARER = ("authorization", "Bearer good")
SUBSCRIBE = {"query": SUBSCRIPTION}
COMPLETE = "event: complete\ndata:\n\n"


def event(payload: str) -> str:
    return f"event: next\ndata: {payload}\n\n"


# --- Server-sent events


async def test_results_are_server_sent_events(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    async with open_stream(app, SUBSCRIBE, SSE) as (client, task):
        start = await client.started
        headers = dict(start["headers"])
        assert start["status"] == 200
        assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
        assert headers[b"cache-control"] == b"no-store"
        live = await executor.lives.get()
        assert await client.text_until(":\n\n") == ":\n\n"
        live.outlet.next(b'{"data":1}')
        assert await client.text_until("1}\n\n") == event('{"data":1}')
        live.outlet.next(b'{"data":2}')
        live.outlet.complete()
        assert await client.rest() == event('{"data":2}') + COMPLETE
        await task
    assert live.stopped.is_set()
    assert not open_subscriptions._by_client


async def test_a_subscription_may_come_by_get(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    async def complete() -> None:
        (await executor.lives.get()).outlet.complete()

    completing = asyncio.create_task(complete())
    path = "/graphql/?query=" + SUBSCRIPTION.replace(" ", "+")
    answer = await call(app, "GET", path, headers=[SSE], chunks=[])
    await completing
    assert answer.body.decode() == ":\n\n" + COMPLETE


async def test_a_query_as_events_is_one_result_and_the_end(app: GraphQLHTTP) -> None:
    answer = await post(app, {"query": "{ __typename }"}, SSE)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.body.decode() == ":\n\n" + event('{"data":{"__typename":"Query"}}') + COMPLETE


async def test_request_errors_are_events(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    executor.error = refusal("NOT_FOUND")
    for query in (SUBSCRIPTION, "{ __typename }"):
        answer = await post(app, {"query": query}, SSE)
        assert answer.status == 200
        refused = '{"errors":[{"message":"refused","extensions":{"code":"NOT_FOUND"}}]}'
        assert answer.body.decode() == ":\n\n" + event(refused) + COMPLETE
    assert not open_subscriptions._by_client


async def test_a_failure_ends_the_stream(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    async with open_stream(app, SUBSCRIBE, SSE) as (client, _):
        live = await executor.lives.get()
        live.outlet.fail([{"message": "no longer", "extensions": {"code": "FORBIDDEN"}}])
        text = await client.rest()
        assert '"code":"FORBIDDEN"' in text
        assert text.endswith(COMPLETE)


# --- Multipart


async def test_results_are_parts(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    async with open_stream(app, SUBSCRIBE, MULTIPART) as (client, _):
        headers = dict((await client.started)["headers"])
        assert headers[b"content-type"] == b'multipart/mixed; boundary="-"; subscriptionSpec=1.0'
        live = await executor.lives.get()
        live.outlet.next(b'{"data":1}')
        live.outlet.complete()
        part = '\r\ncontent-type: application/json\r\n\r\n{"payload":{"data":1}}\r\n---'
        assert await client.rest() == "\r\n---" + part + "--\r\n"


async def test_a_subscription_needs_a_streamed_format(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    answer = await post(app, SUBSCRIBE, ("accept", "application/json"))
    assert (answer.status, answer.code) == (406, "BAD_INPUT")
    assert executor.lives.empty()


# --- Keep-alive and flow control


@pytest.mark.parametrize(("accept", "sign"), [(SSE, ":\n\n"), (MULTIPART, "\r\n\r\n{}\r\n---")])
async def test_an_idle_stream_sends_heartbeats(
    app: GraphQLHTTP, settings: Settings, accept: tuple[str, str], sign: str
) -> None:
    settings.KEEP_ALIVE_SECONDS = 0.01
    async with open_stream(app, SUBSCRIBE, accept) as (client, _):
        await client.text_until("\n" if accept is SSE else "---")
        for _ in range(3):
            assert (await client.text_until(sign)).endswith(sign)


async def test_a_client_that_does_not_read_holds_its_feed_back(
    app: GraphQLHTTP, executor: FakeExecutor, settings: Settings
) -> None:
    settings.STREAM_WINDOW_BYTES = 1000
    async with open_stream(app, SUBSCRIBE, SSE) as (client, _):
        live = await executor.lives.get()
        await client.text_until(":\n\n")
        client.stall()
        sent = 0
        while live.outlet.open:
            sent += 1
            live.outlet.next(b'{"data":%d}' % sent)
            await asyncio.sleep(0)
        assert sent < 50
        live.on_resume = live.outlet.complete
        client.read()
        text = await client.rest()
        assert text == "".join(event(f'{{"data":{n}}}') for n in range(1, sent + 1)) + COMPLETE
        assert live.resumed == 1


async def test_a_client_that_never_reads_is_dropped(
    app: GraphQLHTTP, executor: FakeExecutor, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SLOW_CONSUMER_SECONDS = 0.01
    async with open_stream(app, SUBSCRIBE, SSE) as (client, _):
        live = await executor.lives.get()
        await client.text_until(":\n\n")
        client.stall()
        with caplog.at_level(logging.INFO):
            live.outlet.next(b"1")
            await asyncio.wait_for(live.stopped.wait(), 30)
    assert "did not read" in caplog.text
    assert not open_subscriptions._by_client


# --- Ends


async def test_the_operation_stops_when_the_client_leaves(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    async with open_stream(app, SUBSCRIBE, SSE) as (client, task):
        live = await executor.lives.get()
        client.leave()
        await asyncio.wait_for(task, 5)
        assert live.stopped.is_set()
    assert not open_subscriptions._by_client


async def test_the_operation_stops_when_the_server_cancels(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    async with open_stream(app, SUBSCRIBE, SSE) as (client, task):
        live = await executor.lives.get()
        await client.text_until(":\n\n")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert live.stopped.is_set()
    assert not open_subscriptions._by_client


async def test_the_stream_ends_with_its_token(
    app: GraphQLHTTP, executor: FakeExecutor, identities: dict[str, Identity]
) -> None:
    identities["good"] = identity_of(life=timedelta(milliseconds=30))
    async with open_stream(app, SUBSCRIBE, SSE, BEARER) as (client, _):
        live = await executor.lives.get()
        text = await client.rest()
        assert '"code":"UNAUTHENTICATED"' in text
        assert text.endswith(COMPLETE)
        assert live.stopped.is_set()


async def test_a_revoked_token_ends_the_stream_at_the_next_heartbeat(
    app: GraphQLHTTP, executor: FakeExecutor, identities: dict[str, Identity], settings: Settings
) -> None:
    settings.KEEP_ALIVE_SECONDS = 0.01
    async with open_stream(app, SUBSCRIBE, SSE, BEARER) as (client, _):
        live = await executor.lives.get()
        del identities["good"]
        assert '"code":"UNAUTHENTICATED"' in await client.rest()
        assert live.stopped.is_set()


async def test_a_revocation_ends_the_streams_that_it_covers_at_once(
    app: GraphQLHTTP, executor: FakeExecutor, identities: dict[str, Identity]
) -> None:
    identities["other"] = identity_of(session_id="other")
    other = ("authorization", "Bearer other")
    async with open_stream(app, SUBSCRIBE, SSE, BEARER) as (client, _):
        await executor.lives.get()
        async with open_stream(app, SUBSCRIBE, SSE, other) as (other_client, _):
            live = await executor.lives.get()
            await asyncio.gather(client.text_until(":\n\n"), other_client.text_until(":\n\n"))
            await listeners(2)
            send_control(1, CloseSocket("x"))
            send_control(1, Revoke(("session",)))
            assert "revoked" in await client.rest()
            assert not live.stopped.is_set()
            send_control(1, Revoke(epoch=1))
            assert "revoked" in await other_client.rest()
            assert live.stopped.is_set()
    await listeners(0)


async def listeners(count: int) -> None:
    """Return once `count` subscriptions of user 1 listen to the control feed, and its group is joined."""
    hub = get_hub()
    people = hub._user_feeds

    async def as_many() -> bool:
        return len(people._control.get(1, ())) == count

    await eventually(as_many)
    await hub._channel.sync_groups()  # after pending joins and leaves


async def test_a_process_that_stops_ends_all_streams(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    async with open_stream(app, SUBSCRIBE, SSE) as (client, _):
        await executor.lives.get()
        open_subscriptions.end_all(ErrorCode.GONE, "Restarting.")
        assert "Restarting." in await client.rest()


async def test_streams_per_user_are_bounded(
    app: GraphQLHTTP, executor: FakeExecutor, identities: dict[str, Identity], settings: Settings
) -> None:
    settings.MAX_STREAMS_PER_USER = 1
    identities["bob"] = identity_of(2)
    async with open_stream(app, SUBSCRIBE, SSE, BEARER):
        await executor.lives.get()
        answer = await post(app, SUBSCRIBE, SSE, BEARER)
        assert (answer.status, answer.code) == (429, "RATE_LIMITED")
        async with open_stream(app, SUBSCRIBE, SSE, ("authorization", "Bearer bob")):
            await executor.lives.get()
    async with open_stream(app, SUBSCRIBE, SSE, BEARER):
        await executor.lives.get()


async def test_an_unforeseen_error_is_logged_and_ends_the_stream(
    app: GraphQLHTTP,
    executor: FakeExecutor,
    identities: dict[str, Identity],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_identity: Identity) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(identity_watch, "require_current", broken)
    settings.KEEP_ALIVE_SECONDS = 0.01
    async with open_stream(app, SUBSCRIBE, SSE, BEARER) as (client, _):
        live = await executor.lives.get()
        await client.rest()
        assert live.stopped.is_set()
    assert "Masked error" in caplog.text
