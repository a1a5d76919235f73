"""GraphQL over HTTP: formats, status codes, methods, identity, hosts, origins, and the GraphiQL page."""

from pathlib import Path

import pytest
from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from api.http import graphiql_page
from api.http.app import GraphQLHTTP
from auth.identity import Identity
from tests.api.http.asgi import call, post
from tests.api.http.fakes import SUBSCRIPTION, FakeExecutor, refusal

QUERY = {"query": "{ __typename }"}
GRAPHQL = ("accept", "application/graphql-response+json")
BROWSER = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")


# --- Formats and status codes


async def test_the_answer_has_the_accepted_type(app: GraphQLHTTP) -> None:
    assert (await post(app, QUERY)).headers["content-type"] == "application/json; charset=utf-8"
    answer = await post(app, QUERY, GRAPHQL)
    assert answer.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert answer.headers["vary"] == "origin, accept"


async def test_nothing_acceptable_is_406(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    answer = await post(app, QUERY, ("accept", "application/xml"))
    assert (answer.status, answer.code) == (406, "BAD_INPUT")
    assert not executor.executed


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), (GRAPHQL[1], 400), ("*/*", 200)])
@pytest.mark.parametrize("query", ["{", "{ noSuchField }", "query A { __typename } query B { __typename }"])
async def test_an_invalid_document_gets_the_status_of_its_format(
    app: GraphQLHTTP, query: str, accept: str, status: int
) -> None:
    answer = await post(app, {"query": query}, ("accept", accept))
    assert answer.status == status
    assert set(answer.json) == {"errors"}


async def test_a_refusal_keeps_its_own_status(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    executor.error = refusal("RATE_LIMITED", 429)
    assert (await post(app, QUERY, GRAPHQL)).status == 429
    assert (await post(app, QUERY)).status == 200


async def test_data_with_errors_is_200(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    executor.payload = b'{"data":null,"errors":[{"message":"no"}]}'
    assert (await post(app, QUERY, GRAPHQL)).status == 200


async def test_an_unforeseen_error_is_masked(
    app: GraphQLHTTP, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    executor.error = RuntimeError("the secret")
    answer = await post(app, QUERY)
    assert (answer.status, answer.code) == (500, "INTERNAL")
    assert b"secret" not in answer.body
    assert answer.json["errors"][0]["extensions"]["errorId"] in caplog.text


# --- Methods


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "QUERY"])
async def test_other_methods_are_405(app: GraphQLHTTP, method: str) -> None:
    answer = await call(app, method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


async def test_options_lists_the_allowed_methods(app: GraphQLHTTP) -> None:
    answer = await call(app, "OPTIONS")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("headers", [[], [BROWSER]])
async def test_head_is_get_without_a_body(app: GraphQLHTTP, headers: list[tuple[str, str]]) -> None:
    path = "/graphql/?query={__typename}"
    get = await call(app, "GET", path, headers=headers)
    head = await call(app, "HEAD", path, headers=headers)
    assert head.body == b""
    assert (head.status, head.headers) == (get.status, get.headers)


async def test_head_starts_no_stream(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    path = "/graphql/?query=" + SUBSCRIPTION.replace(" ", "+")
    assert (await call(app, "HEAD", path)).headers["allow"] == "GET, POST"
    assert executor.lives.empty()


# --- Identity


async def test_the_context_of_an_operation_names_its_client(
    app: GraphQLHTTP, executor: FakeExecutor, identities: dict[str, Identity]
) -> None:
    answer = await post(app, QUERY, ("authorization", "bearer good"), ("user-agent", "Phone/1"))
    assert answer.status == 200
    context = executor.contexts[0]
    assert context.identity == identities["good"]
    assert (context.client_address, context.device, context.socket) == ("192.0.2.7", "Phone/1", None)


async def test_without_a_header_the_operation_is_anonymous(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    await post(app, QUERY)
    assert executor.contexts[0].identity is None


@pytest.mark.usefixtures("identities")
@pytest.mark.parametrize(
    "value",
    [
        "Bearer forged",
        "Bearer",
        "Bearer ",
        "",
        "good",
        "Basic Z29vZDo=",
        "Bearer good, Bearer good",
        "Token good",
    ],
)
@pytest.mark.parametrize("accept", ["application/json", GRAPHQL[1], "text/event-stream"])
async def test_a_bad_authorization_header_is_401(
    app: GraphQLHTTP, executor: FakeExecutor, value: str, accept: str
) -> None:
    answer = await post(app, QUERY, ("authorization", value), ("accept", accept))
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="parlor", error=')
    assert not executor.executed


@pytest.mark.usefixtures("identities")
@pytest.mark.parametrize("name", ["JWT", "token", "access_token", "ticket"])
async def test_credentials_in_the_query_string_are_ignored(
    app: GraphQLHTTP, executor: FakeExecutor, name: str
) -> None:
    await call(app, "GET", f"/graphql/?query={{__typename}}&{name}=good")
    assert executor.contexts[0].identity is None


async def test_the_real_check_refuses_a_forged_token_with_401(app: GraphQLHTTP) -> None:
    answer = await post(app, QUERY, ("authorization", "Bearer eyJhbGciOiJub25lIn0.e30."))
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")


# --- Hosts and origins


async def test_an_unknown_host_is_refused(app: GraphQLHTTP, executor: FakeExecutor) -> None:
    for host in ("evil.example", "local host", "localhost/x", ""):
        assert (await post(app, QUERY, ("host", host))).status == 400
    assert not executor.executed
    assert (await post(app, QUERY, ("host", "LOCALHOST:9"))).status == 200


ORIGINS = [
    "http://localhost:5173",
    "http://127.0.0.1",
    "https://app.example",
    "https://app.example.evil.example",
    "http://localhost.evil.example",
    "http://app.example",
    "null",
    "http://[",
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("production", [True, False])
async def test_origins_get_the_same_headers_as_from_django(
    app: GraphQLHTTP, settings: Settings, origin: str, production: bool
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    if production:
        settings.CORS_ALLOWED_ORIGIN_REGEXES = []
    request = HttpRequest()
    request.method = "POST"
    request.path_info = "/auth/token/"
    request.META["HTTP_ORIGIN"] = origin
    theirs = CorsMiddleware(lambda _request: HttpResponse())(request)
    assert isinstance(theirs, HttpResponse)
    ours = await post(app, QUERY, ("origin", origin))
    for name in (
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-allow-credentials",
    ):
        assert ours.headers.get(name) == theirs.headers.get(name)


async def test_a_preflight_names_the_allowed_methods_and_headers(app: GraphQLHTTP) -> None:
    asked = [
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ]
    answer = await call(app, "OPTIONS", headers=[("origin", "http://localhost:5173"), *asked])
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert {"authorization", "content-type"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    assert "access-control-allow-credentials" not in answer.headers
    denied = await call(app, "OPTIONS", headers=[("origin", "https://evil.example"), *asked])
    assert not [name for name in denied.headers if name.startswith("access-control")]


async def test_errors_can_be_read_across_origins_too(app: GraphQLHTTP) -> None:
    answer = await post(app, b"42", ("origin", "http://localhost:5173"))
    assert answer.status == 400
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"


# --- The page


async def test_a_browser_gets_the_graphiql_page(app: GraphQLHTTP, settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    answer = await call(app, "GET", headers=[BROWSER])
    assert (answer.status, answer.body) == (200, graphiql_page.NOT_BUILT)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    built = tmp_path / "web" / "dist" / "graphiql" / "index.html"
    built.parent.mkdir(parents=True)
    built.write_text("<title>GraphiQL</title>")
    assert (await call(app, "GET", headers=[BROWSER])).body == b"<title>GraphiQL</title>"


async def test_the_page_can_be_switched_off(app: GraphQLHTTP, settings: Settings) -> None:
    settings.GRAPHIQL = False
    answer = await call(app, "GET", headers=[BROWSER])
    assert (answer.status, answer.code) == (400, "BAD_INPUT")
    assert (await call(app, "GET", headers=[("accept", "text/html")])).status == 406


async def test_a_browsers_post_gets_no_page(app: GraphQLHTTP) -> None:
    assert (await post(app, QUERY, BROWSER)).json == {"data": {"__typename": "Query"}}
