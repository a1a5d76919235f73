"""Any body, query string and headers: the answer is GraphQL-shaped and never a 5xx."""

import asyncio
import logging

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.http.app import GraphQLHTTP
from schema import execution
from tests.api.http.asgi import Answer, call

EXAMPLES = settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
JSON = ("content-type", "application/json")

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
documents = st.sampled_from(
    [
        "{ __typename }",
        "{ viewer { user { id } } }",
        "query Q($id: ID!) { node(id: $id) { id } }",
        "query Q($v: SendMessageInput) { __typename @include(if: true) }",
        "mutation { __typename }",
        "subscription { connectionFeed { __typename } }",
        "{ __schema { types { name } } }",
        "fragment F on Query { ...F } { ...F }",
        "{",
        "",
        "\0",
        "{ a }" * 50,
        "{" * 500,
        "{ __typename @skip(if: $x) }",
    ]
) | st.text(alphabet='{}()[]$@!:="\\ \nabQ_#,.|&' + "é🏃", max_size=40)
persisted = st.fixed_dictionaries(
    {"persistedQuery": values | st.fixed_dictionaries({"version": scalars, "sha256Hash": scalars})}
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "query": documents | values,
        "operationName": st.sampled_from(["Q", ""]) | values,
        "variables": st.dictionaries(st.sampled_from(["id", "v", "x"]), values) | values,
        "extensions": persisted | values,
        "documentId": st.text(max_size=70) | values,
        "more": values,
    },
)
# Header values as servers let them through: no control characters.
header_text = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60
)
media_types = st.lists(
    st.sampled_from(
        [
            "application/json",
            "application/graphql-response+json",
            "text/event-stream",
            "multipart/mixed;subscriptionSpec=1.0",
            "text/html",
            "*/*",
            "application/*;q=0.5",
            ";q=",
        ]
    )
    | header_text,
    max_size=4,
).map(", ".join)


@pytest.fixture
def real_app() -> GraphQLHTTP:
    """The application over the real schema."""
    return GraphQLHTTP(execution)


def check(answer: Answer) -> None:
    """Not a 5xx; JSON answers are GraphQL responses, and those without data have errors with a code."""
    assert answer.status < 500, answer
    if not answer.body or not answer.headers["content-type"].startswith("application/"):
        return
    body = msgspec.json.decode(answer.body)
    if "data" not in body:
        assert body["errors"]
        assert all(error["message"] and error["extensions"]["code"] != "INTERNAL" for error in body["errors"])


def run(app: GraphQLHTTP, method: str, path: str, headers: list[tuple[str, str]], body: bytes = b"") -> None:
    """Send one request on a loop of its own, as hypothesis is synchronous."""

    async def send() -> Answer:
        async with asyncio.timeout(60):
            return await call(app, method, path, headers=headers, chunks=[body])

    check(asyncio.run(send()))


@EXAMPLES
@given(
    body=st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes(real_app: GraphQLHTTP, body: bytes) -> None:
    run(real_app, "POST", "/graphql/", [JSON], body)


@EXAMPLES
@given(value=requests | values, accept=media_types)
def test_any_json(
    real_app: GraphQLHTTP, value: object, accept: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        run(real_app, "POST", "/graphql/", [JSON, ("accept", accept)], msgspec.json.encode(value))
    assert not caplog.records


@EXAMPLES
@given(value=requests, cut=st.integers(min_value=0, max_value=300), noise=st.binary(max_size=3))
def test_broken_json(real_app: GraphQLHTTP, value: object, cut: int, noise: bytes) -> None:
    body = msgspec.json.encode(value)
    run(real_app, "POST", "/graphql/", [JSON], body[:cut] + noise + body[cut:])


@EXAMPLES
@given(
    query_string=st.text('query=variables&operationName{}[]%"01aF+;_', max_size=80)
    | st.builds("query={}&variables={}&extensions={}".format, documents, header_text, header_text)
)
def test_any_query_string(real_app: GraphQLHTTP, query_string: str) -> None:
    sent = query_string.encode("ascii", "ignore").decode().translate(dict.fromkeys(range(33)))
    run(real_app, "GET", f"/graphql/?{sent}", [("accept", "application/json")])


@EXAMPLES
@given(
    method=st.sampled_from(["POST", "GET", "HEAD", "OPTIONS", "PUT"])
    | st.text("ABC", min_size=1, max_size=5),
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "accept",
                    "authorization",
                    "content-encoding",
                    "content-length",
                    "content-type",
                    "host",
                    "origin",
                    "user-agent",
                    "x-forwarded-for",
                ]
            ),
            header_text,
        ),
        max_size=5,
    ),
)
def test_any_headers(real_app: GraphQLHTTP, method: str, headers: list[tuple[str, str]]) -> None:
    run(real_app, method, "/graphql/?query={__typename}", headers, b'{"query":"{ __typename }"}')
