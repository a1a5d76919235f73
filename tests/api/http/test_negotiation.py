"""The format of the answer by the `Accept` header."""

import pytest

from api.http.negotiation import RESULTS, STREAMS, Format, negotiate

WITH_PAGE = (*RESULTS, Format.HTML)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
APOLLO_SUBSCRIPTION = (
    "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,"
    "application/graphql-response+json,application/json;q=0.9"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, Format.JSON),
        ("", Format.JSON),
        ("*/*", Format.JSON),
        ("application/*", Format.JSON),
        ("application/json", Format.JSON),
        ("APPLICATION/JSON; Charset=UTF-8", Format.JSON),
        ("application/graphql-response+json", Format.GRAPHQL_RESPONSE),
        (
            "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
            Format.GRAPHQL_RESPONSE,
        ),
        ("application/json, application/graphql-response+json", Format.JSON),
        ("application/json;q=0.5, application/graphql-response+json", Format.GRAPHQL_RESPONSE),
        ("application/graphql-response+json;q=0, */*", Format.JSON),
        ("application/json;q=0, application/*", Format.GRAPHQL_RESPONSE),
        ("text/event-stream", Format.EVENT_STREAM),
        ("text/*", Format.EVENT_STREAM),
        ("multipart/mixed;subscriptionSpec=1.0", Format.MULTIPART),
        ('multipart/mixed; boundary=graphql; subscriptionSpec="1.0"', Format.MULTIPART),
        ("multipart/mixed;deferSpec=20220824, application/json", Format.JSON),
        ("multipart/mixed;deferSpec=20220824", None),
        ("multipart/*", None),
        ("application/json; charset=latin-1", None),
        ("application/xml", None),
        ("*/*;q=0", None),
        ("application/json;q=nan", None),
        ("application/json;q=2", None),
        ("nonsense", None),
        (", ,", None),
        (";;;=,/", None),
    ],
)
def test_the_format_of_a_result(accept: str | None, expected: Format | None) -> None:
    assert negotiate(accept, RESULTS) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [(BROWSER, Format.HTML), ("*/*", Format.JSON), ("text/html;q=0.1, application/json", Format.JSON)],
)
def test_the_page_is_for_clients_that_prefer_html(accept: str, expected: Format) -> None:
    assert negotiate(accept, WITH_PAGE) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, Format.EVENT_STREAM),
        ("*/*", Format.EVENT_STREAM),
        ("text/event-stream, multipart/mixed", Format.EVENT_STREAM),
        (APOLLO_SUBSCRIPTION, Format.MULTIPART),
        ("application/json", None),
    ],
)
def test_the_format_of_a_subscription(accept: str | None, expected: Format | None) -> None:
    assert negotiate(accept, STREAMS) is expected


def test_a_long_header_is_read_in_bounded_time() -> None:
    assert negotiate("a/b," * 20_000 + "application/json", RESULTS) is None
    assert negotiate("application/json," + "a/b," * 20_000, RESULTS) is Format.JSON
