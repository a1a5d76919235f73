"""What variables may hold, at each bound and one above it, before anything is coerced."""

import time

import pytest
from pytest_django import Settings

from schema.documents.prepared import OperationRequest, prepare
from tests.schema.documents.test_limits import Refusal, refusal_of

NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
ECHO = "query ($id: ID!) { node(id: $id) { id } }"


@pytest.fixture
def small(settings: Settings) -> Settings:
    settings.MAX_LIST_ITEMS = 5
    settings.MAX_VARIABLE_VALUES = 12
    settings.MAX_STRING_CHARACTERS = 8
    return settings


LISTS = ("TOO_LARGE", {"maxListItems": 5, "field": "id"})
VALUES = ("TOO_LARGE", {"maxVariableValues": 12})
TEXTS = ("TOO_LARGE", {"maxStringCharacters": 8, "field": "id"})


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (["a"] * 5, None),
        (["a"] * 6, LISTS),
        ([["a"] * 6], LISTS),
        ({"a": {"b": ["a"] * 6}}, LISTS),
        ({"abcdef"[number]: number for number in range(5)}, None),
        ({"abcdef"[number]: number for number in range(6)}, LISTS),
        ([[1, 2, 3], [1, 2, 3], [1, 2]], None),  # twelve, the lists themselves included
        ([[1, 2, 3], [1, 2, 3], [1, 2, 3]], VALUES),
        ([{"a": [[]] * 5}, {"a": [[]] * 5}], VALUES),
        ("x" * 8, None),
        ("x" * 9, TEXTS),
        ({"a": [None, "x" * 9]}, TEXTS),
    ],
    ids=str,
)
@pytest.mark.usefixtures("small")
def test_each_bound(value: object, refusal: Refusal | None) -> None:
    assert refusal_of(ECHO, id=value) == refusal


@pytest.mark.usefixtures("small")
def test_the_values_of_all_variables_count_together() -> None:
    assert refusal_of(ECHO, id="a", **{f"v{number}": number for number in range(11)}) is None
    assert refusal_of(ECHO, id="a", **{f"v{number}": number for number in range(12)}) == VALUES


def test_a_body_full_of_values_is_refused_at_once() -> None:
    """A megabyte of JSON, the most that a body may have."""
    started = time.thread_time()
    assert refusal_of(NODES, ids=[[]] * 340_000) == ("TOO_LARGE", {"maxListItems": 2000, "field": "ids"})
    assert refusal_of(NODES, ids=[[0] * 2000] * 250) == ("TOO_LARGE", {"maxVariableValues": 10_000})
    assert time.thread_time() - started < 0.2


def test_a_request_without_variables_is_none_the_worse() -> None:
    assert prepare(OperationRequest("{ __typename }")).kind == "query"
