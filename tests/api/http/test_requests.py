"""Requests: which are read, and which are refused with a clear 4xx."""

import asyncio
from collections.abc import Iterable

import msgspec
import pytest
from pytest_django import Settings

from api.http.app import GraphQLHTTP
from api.http.asgi_messages import Message
from tests.api.http.asgi import Answer, call, post, scope_of
from tests.api.http.fakes import FakeExecutor

JSON = ("content-type", "application/json")
QUERY = {"query": "{ __typename }"}


def assert_refused(answer: Answer, status: int, code: str) -> None:
    """A GraphQL-shaped 4xx: errors with a code, and no data."""
    assert (answer.status, answer.code) == (status, code)
    assert set(answer.json) == {"errors"}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_post_is_executed(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    answer = await post(
        app,
        {"query": "query Q { __typename }", "operationName": "Q", "variables": {"a": [1]}, "extensions": {}},
    )
    assert answer.status == 200
    assert answer.json == {"data": {"__typename": "Query"}}
    assert answer.headers["cache-control"] == "no-store"
    request = executor.executed[0].request
    assert (request.operation_name, request.variables, request.extensions) == ("Q", {"a": [1]}, {})


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/json;x=y",
    ],
)
async def test_json_in_utf_8_is_read(app: GraphQLHTTP, content_type: str) -> None:
    body = msgspec.json.encode({"query": "{ __typename } # Run🏃"})
    assert (await call(app, headers=[("content-type", content_type)], body=body)).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "",
    ],
)
async def test_other_content_types_are_refused(app: GraphQLHTTP, content_type: str | None) -> None:
    headers = [("content-type", content_type)] if content_type is not None else []
    answer = await call(app, headers=headers, body=msgspec.json.encode(QUERY))
    assert_refused(answer, 415, "BAD_INPUT")
    assert answer.headers["accept-post"] == "application/json"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"42",
        b"null",
        b"[]",
        b'[{"query": "{ __typename }"}]',
        b'"{ __typename }"',
        b"{",
        b"{}",
        b"{} x",
        b"\xff\xfe",
        b'{"query": "\xff"}',
        b'{"ignored": "\xff", "query": "{ __typename }"}',
        b'{"query": "\\ud800"}',
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 1}',
        b'{"query": ["{ __typename }"]}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "variables": "{}"}',
        b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        b'{"query": "{ __typename }", "variables": {"a": Infinity}}',
        b'{"query": "{ __typename }", "variables": {"a": 1e999}}',
        b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 20_000 + b"}}",
        b'{"query": "{ __typename }", "extensions": 1}',
        b'{"query": "{ __typename }", "operationName": 1}',
        b'{"query": "{ __typename }", "documentId": "sha256:00"}',
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)
async def test_bad_bodies_are_refused(app: GraphQLHTTP, executor: FakeExecutor, body: bytes) -> None:
    assert_refused(await post(app, body), 400, "BAD_INPUT")
    assert not executor.executed


async def test_the_refusal_of_a_batch_says_so(app: GraphQLHTTP) -> None:
    answer = await post(app, [QUERY])
    assert "Batches are not served" in answer.json["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 100_000,
        b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 60 + b"1" + b"}" * 61,
        b'{"query": "{ __typename }", "extensions": {"a":' + b"[" * 60 + b"]" * 60 + b"}}",
    ],
    ids=["100,000 deep", "60 objects deep", "60 lists deep"],
)
async def test_deep_nesting_is_refused(app: GraphQLHTTP, body: bytes) -> None:
    assert_refused(await post(app, body), 400, "TOO_COMPLEX")


async def test_wide_variables_are_not_deep(app: GraphQLHTTP) -> None:
    assert (await post(app, {**QUERY, "variables": {"ids": [[n] for n in range(500)]}})).status == 200


async def test_optional_parameters_may_be_null(app: GraphQLHTTP) -> None:
    value = {**QUERY, "variables": None, "operationName": None, "extensions": None}
    assert (await post(app, value)).json == {"data": {"__typename": "Query"}}


# --- Size


@pytest.fixture
def small_bodies(settings: Settings) -> None:
    settings.MAX_BODY_BYTES = 100


@pytest.mark.usefixtures("small_bodies")
async def test_a_declared_size_is_refused_before_the_body_is_read(app: GraphQLHTTP) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was read")

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope_of("POST", "/graphql/", [JSON, ("content-length", "8388608")]), receive, send)
    assert sent[0]["status"] == 413


@pytest.mark.usefixtures("small_bodies")
async def test_an_undeclared_size_is_refused_as_soon_as_it_is_exceeded(app: GraphQLHTTP) -> None:
    read = 0

    def chunks() -> Iterable[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 60

    endless = iter(chunks())
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": next(endless), "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope_of("POST", "/graphql/", [JSON]), receive, send)
    assert sent[0]["status"] == 413
    assert read == 2


@pytest.mark.usefixtures("small_bodies")
async def test_the_largest_body_is_read_whole(app: GraphQLHTTP) -> None:
    body = msgspec.json.encode(QUERY).ljust(100)
    assert (await call(app, headers=[JSON], chunks=[body[:7], body[7:50], b"", body[50:]])).status == 200
    assert_refused(await call(app, headers=[JSON], body=body + b" "), 413, "TOO_LARGE")
    long_query = "/graphql/?query=" + "a" * 100
    assert_refused(await call(app, "GET", long_query), 414, "TOO_LARGE")


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "9" * 5000])
async def test_a_malformed_content_length_is_refused(app: GraphQLHTTP, length: str) -> None:
    headers = [JSON, ("content-length", length.encode().decode("latin-1"))]
    assert (await call(app, headers=headers, body=msgspec.json.encode(QUERY))).status in (400, 413)


async def test_a_compressed_body_is_refused(app: GraphQLHTTP) -> None:
    assert_refused(await post(app, QUERY, ("content-encoding", "gzip")), 415, "BAD_INPUT")


@pytest.mark.parametrize("arrived", [[], [{"type": "http.request", "body": b"{", "more_body": True}]])
async def test_a_body_that_does_not_arrive_is_refused(
    app: GraphQLHTTP, settings: Settings, arrived: list[Message]
) -> None:
    settings.BODY_TIMEOUT_SECONDS = 0.01

    messages: asyncio.Queue[Message] = asyncio.Queue()
    for message in arrived:
        messages.put_nowait(message)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope_of("POST", "/graphql/", [JSON]), messages.get, send)
    assert sent[0]["status"] == 408


async def test_a_client_that_leaves_within_its_body_gets_no_answer(
    app: GraphQLHTTP, executor: FakeExecutor
) -> None:
    begun: Message = {"type": "http.request", "body": b"{", "more_body": True}
    messages = iter([begun, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(messages)

    async def send(_message: Message) -> None:
        raise AssertionError("an answer to a client that has left")

    await app(scope_of("POST", "/graphql/", [JSON]), receive, send)
    assert not executor.executed


# --- GET


async def test_a_get_is_executed(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    path = "/graphql/?query=query+Q%7B__typename%7D&operationName=Q&variables=%7B%22a%22%3A1%7D&extensions=&unknown=1"
    assert (await call(app, "GET", path)).json == {"data": {"__typename": "Query"}}
    request = executor.executed[0].request
    assert (request.query, request.operation_name, request.variables) == (
        "query Q{__typename}",
        "Q",
        {"a": 1},
    )


async def test_an_empty_operation_name_is_none(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    await call(app, "GET", "/graphql/?query={__typename}&operationName=")
    assert executor.executed[0].request.operation_name is None


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "query=",
        "query=%FF",
        "query={__typename}&variables=[]",
        "query={__typename}&variables=1",
        "query={__typename}&variables={",
        "query={__typename}&extensions=%22x%22",
        "&".join(f"a{n}=1" for n in range(200)),
    ],
)
async def test_bad_query_strings_are_refused(app: GraphQLHTTP, query_string: str) -> None:
    assert_refused(await call(app, "GET", f"/graphql/?{query_string}"), 400, "BAD_INPUT")


async def test_a_mutation_by_get_is_refused_after_parsing(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    answer = await call(app, "GET", "/graphql/?query=mutation{__typename}")
    assert_refused(answer, 405, "BAD_INPUT")
    assert answer.headers["allow"] == "POST"
    chosen = "query+A{__typename}mutation+B{__typename}&operationName="
    assert (await call(app, "GET", f"/graphql/?query={chosen}B")).status == 405
    assert (await call(app, "GET", f"/graphql/?query={chosen}A")).status == 200
    assert len(executor.executed) == 1
