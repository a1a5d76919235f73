"""Documents prepared once: which are kept, how many, and what is refused."""

import pytest

from schema.documents.prepared import DocumentStore, OperationRequest, document_store, prepare
from schema.errors import RequestRefused

TWO = "query A { __typename } mutation B { __typename }"


def text(number: int) -> str:
    return f"{{ __typename }} # {number:03}"


def test_the_same_text_is_the_same_document() -> None:
    store = DocumentStore(10, 1000)
    assert store.get(text(1)) is store.get(text(1))
    assert store.get(text(1)) is not store.get(text(2))


def test_the_last_used_ones_are_kept_up_to_a_number() -> None:
    store = DocumentStore(3, 1000)
    first = store.get(text(0))
    for number in range(1, 20):
        store.get(text(number))
        assert store.get(text(0)) is first
        assert len(store) <= 3
    assert len(store) == 3


def test_the_last_used_ones_are_kept_up_to_so_many_characters() -> None:
    store = DocumentStore(100, 2 * len(text(0)))
    second = [store.get(text(number)) for number in range(3)][2]
    assert len(store) == 2
    large = "{ __typename } #" + "x" * 100
    assert store.get(large).text == large
    assert len(store) == 2
    assert store.get(text(2)) is second


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "{ ...A } fragment A on Query { ...A }", "{" * 300, "#"]
)
def test_what_is_refused_is_not_kept(query: str) -> None:
    store = DocumentStore(10, 1000)
    for _ in range(2):
        with pytest.raises(RequestRefused):
            store.get(query)
    assert len(store) == 0


def test_what_the_limits_refuse_is_not_kept() -> None:
    prepare(OperationRequest("{ __typename }"))
    kept = len(document_store())
    for _ in range(2):
        with pytest.raises(RequestRefused):
            prepare(OperationRequest("{" + " ".join(f"a{number}: __typename" for number in range(201)) + "}"))
        assert len(document_store()) == kept


@pytest.mark.parametrize(
    ("query", "name", "kind"),
    [
        ("{ __typename }", None, "query"),
        ("mutation { __typename }", None, "mutation"),
        ("subscription { connectionFeed { __typename } }", None, "subscription"),
        (TWO, "A", "query"),
        (TWO, "B", "mutation"),
        ("query A { __typename }", None, "query"),
    ],
)
def test_the_operation_that_is_meant(query: str, name: str | None, kind: str) -> None:
    assert prepare(OperationRequest(query, name)).kind == kind


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (TWO, None),
        (TWO, "C"),
        (TWO, ""),
        ("{ __typename }", "A"),
        ("query A { __typename }", "B"),
        ("fragment A on Query { __typename }", None),
        ("type A { b: Int }", None),
        (None, None),
        ("", None),
        (" ", None),
    ],
)
def test_no_operation_that_could_be_meant(query: str | None, name: str | None) -> None:
    with pytest.raises(RequestRefused) as refused:
        prepare(OperationRequest(query, name))
    assert refused.value.http_status == 400
    assert refused.value.errors[0]["extensions"]["code"] == "BAD_INPUT"  # type: ignore[index]


@pytest.mark.parametrize(
    "query",
    [
        "subscription { __typename }",
        "subscription { a: connectionFeed { __typename } b: connectionFeed { __typename } }",
        "subscription ($x: Boolean!) { connectionFeed @skip(if: $x) { __typename } }",
        "subscription { ...A } fragment A on Subscription { connectionFeed { __typename } again: connectionFeed "
        "{ __typename } }",
    ],
)
def test_a_subscription_has_one_feed(query: str) -> None:
    with pytest.raises(RequestRefused):
        prepare(OperationRequest(query))


def test_only_so_many_errors_are_told() -> None:
    with pytest.raises(RequestRefused) as refused:
        prepare(OperationRequest("{" + " ".join(f"field{number}" for number in range(500)) + "}"))
    *told, last = refused.value.errors
    assert len(told) == 5
    assert all(error["extensions"] == {"code": "BAD_INPUT"} for error in told)
    assert last["extensions"] == {"code": "TOO_COMPLEX", "maxValidationErrors": 5}
