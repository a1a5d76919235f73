"""What validation must compare is counted before it is compared, and the worst documents cost a tenth of a second."""

import time
from collections.abc import Callable

import pytest
from graphql import get_introspection_query, parse
from pytest_django import Settings

from schema.documents import prepared
from schema.documents.merging import check_merging
from schema.errors import RequestRefused
from tests.schema.documents.test_limits import refusal_of

Refused = ("TOO_COMPLEX", {"maxQueryMerges": 12})


@pytest.fixture
def twelve(settings: Settings) -> None:
    settings.MAX_QUERY_MERGES = 12


def chat(selection: str, more: str = "") -> str:
    return "{ chat(id: 1) { " + selection + " } } " + more


@pytest.mark.parametrize(
    ("within", "above"),
    [
        (chat("id " * 5), chat("id " * 6)),  # 10 and 15 pairs
        (chat("id:lastSeq " * 5), chat("id: lastSeq " * 6)),
        (chat("... { id } " * 5), chat("... on Chat { id } " * 6)),
        (chat("lastMessage { id } " * 3), chat("lastMessage { id } " * 4)),  # 3 + 3, 6 + 6
        (
            chat("...A ...B", "fragment A on Chat { id id } fragment B on Chat { id id }"),  # 6 + 1
            chat("...A ...B", "fragment A on Chat { id id } fragment B on Chat { id id id id }"),  # 15 + 1
        ),
        (
            "{ a: chat(id: 1) { ...F } b: chat(id: 1) { ...F } } fragment F on Chat { id id id }",  # 3 + 3
            "{ a: chat(id: 1) { ...F } b: chat(id: 1) { ...F } } fragment F on Chat { id id id id }",  # 6 + 6
        ),
    ],
)
@pytest.mark.usefixtures("twelve")
def test_the_bound_and_one_above_it(within: str, above: str) -> None:
    assert refusal_of(within) is None
    assert refusal_of(above) == Refused


@pytest.mark.usefixtures("twelve")
def test_what_unfolds_to_very_much_counts_as_well() -> None:
    """Ten nodes are as much as a pair."""
    fields = " ".join(f"a{number}: __typename" for number in range(110))
    check_merging(parse("{ " + fields + " }"))
    with pytest.raises(RequestRefused):
        check_merging(
            parse("{ " + fields + " ...F } fragment F on Query { " + fields.replace("a", "b", 1) + " }")
        )


@pytest.mark.usefixtures("twelve")
def test_an_unused_fragment_counts_too() -> None:
    assert refusal_of("{ __typename } fragment F on Chat { " + "id " * 6 + "}") == Refused


@pytest.mark.parametrize(
    "query",
    [
        "{ ...A } fragment A on Query { ...A }",
        chat("...A", "fragment A on Chat { lastMessage { chat { ...A } } }"),
    ],
)
def test_a_fragment_in_itself_is_said_to_be_that(query: str) -> None:
    with pytest.raises(RequestRefused, match="Cannot spread fragment"):
        prepared.DocumentStore(1, 1).get(query)


def test_tools_may_still_ask_for_the_schema() -> None:
    check_merging(parse(get_introspection_query()))
    assert refusal_of(get_introspection_query()) is None


def of_fragments(count: int, body: Callable[[int], str]) -> str:
    return "".join(f" fragment F{number} on Chat {{ id {body(number)} }}" for number in range(count))


def all_after(count: int) -> Callable[[int], str]:
    return lambda number: " ".join(f"...F{other}" for other in range(number + 1, count))


# As large as MAX_QUERY_TOKENS allows, or nearly. Without a bound the first one took 1.5 seconds.
WORST = {
    "nested": chat("lastMessage { id } " * 490),
    "deeper": chat("lastMessage { chat { id } } " * 280),
    "leaves": chat("id " * 1980),
    "conflicts": chat("".join(f"a: {('id', 'lastSeq')[number % 2]} " for number in range(660))),
    "arguments": chat("".join(f"messages(first: {number}) {{ __typename }} " for number in range(190))),
    "fragments": chat(" ".join(f"...F{number}" for number in range(190)), of_fragments(190, lambda _: "")),
    "chain": chat("...F0", of_fragments(200, lambda number: f"...F{number + 1}" if number < 199 else "")),
    "all in all": chat("...F0", of_fragments(40, all_after(40))),
    "operations": "".join(f"query Q{number} {{ __typename }} " for number in range(395)),
    "operations of fragments": "".join(f"query Q{number} {{ chat(id: 1) {{ ...F0 }} }} " for number in range(60))
    + of_fragments(60, lambda number: f"...F{number + 1}" if number < 59 else ""),
    "unknown input": "mutation { sendMessage(input: {"
    + "".join(f"x{number}: 1 " for number in range(650))
    + "}) { id } }",
    "unknown fields": chat("".join(f"nothing{number} " for number in range(1980))),
    "variables": "query (" + "".join(f"$v{number}: Int " for number in range(490)) + ") { __typename }",
}  # fmt: skip


@pytest.mark.parametrize("name", WORST)
def test_the_worst_documents_cost_little(name: str) -> None:
    spent = []
    for _ in range(3):
        started = time.thread_time()
        refusal_of(WORST[name] + f"#{started}")  # another document each time
        spent.append(time.thread_time() - started)
    assert min(spent) < 0.5  # 0.1 where nothing else runs


def test_too_many_tokens_are_too_complex() -> None:
    assert refusal_of("{" + "__typename " * 1998 + "}") == ("TOO_COMPLEX", {"maxQueryMerges": 2000})
    assert refusal_of("{" + "__typename " * 1999 + "}") == ("TOO_COMPLEX", {"maxQueryTokens": 2000})


def test_lists_in_the_document_are_bounded_like_those_in_variables(settings: Settings) -> None:
    settings.MAX_LIST_ITEMS = 3
    above = ("TOO_LARGE", {"maxListItems": 3})
    assert refusal_of("{ nodes(ids: [1, 2, 3]) { id } } # at the bound") is None
    assert refusal_of("{ nodes(ids: [1, 2, 3, 4]) { id } }") == above
    assert refusal_of("query ($ids: [ID!]! = [1, 2, 3, 4]) { nodes(ids: $ids) { id } }") == above
