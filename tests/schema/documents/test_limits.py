"""What an operation may ask for, at each bound and one above it."""

import time

import pytest
from graphql import get_introspection_query
from pytest_django import Settings

from schema.documents.prepared import OperationRequest, prepare
from schema.errors import RequestRefused

Refusal = tuple[object, dict[str, object]]


def refusal_of(query: str, **variables: object) -> Refusal | None:
    """Code and data of the refusal; None if there is none."""
    try:
        prepare(OperationRequest(query, variables=variables))
    except RequestRefused as refused:
        extensions = refused.errors[0]["extensions"]
        assert isinstance(extensions, dict)
        return extensions.pop("code"), extensions
    return None


def deep(levels: int) -> str:
    """`levels` of selections: a chat, its last message, the message's chat ..."""
    fields = ["chat(id: 1)", *(["lastMessage", "chat"] * levels)][: levels - 1]
    return "{ " + " { ".join([*fields, "__typename"]) + " }" * len(fields) + " }"


def test_depth() -> None:
    assert refusal_of(deep(15)) is None
    assert refusal_of(deep(16)) == ("TOO_COMPLEX", {"maxQueryDepth": 15})
    inline = deep(15).replace("__typename", "... { ... { __typename } }")
    assert refusal_of(inline) is None
    fragment = deep(15).replace("__typename", "...F") + " fragment F on Message { chat { id } }"
    assert refusal_of(fragment) == ("TOO_COMPLEX", {"maxQueryDepth": 15})


def test_aliases(settings: Settings) -> None:
    settings.MAX_ROOT_FIELDS = 100
    assert refusal_of("{" + " ".join(f"a{number}: __typename" for number in range(30)) + "}") is None
    many = "{" + " ".join(f"a{number}: __typename" for number in range(31)) + "}"
    assert refusal_of(many) == ("TOO_COMPLEX", {"maxQueryAliases": 30})


def test_root_fields() -> None:
    assert refusal_of("{" + " __typename" * 20 + "}") is None
    for query in (
        "{" + " __typename" * 21 + "}",
        "{ ... {" + " __typename" * 21 + "} }",
        "{ ...F ...F } fragment F on Query {" + " __typename" * 11 + "}",
    ):
        assert refusal_of(query) == ("TOO_COMPLEX", {"maxRootFields": 20})


CHATS = """query ($chats: Int = 100, $messages: Int) {
  chats(first: $chats) { edges { node { messages(first: $messages) { edges { node { id text } } } } } }
}"""


def cost_is_above(limit: int, settings: Settings, query: str, **variables: object) -> bool:
    settings.MAX_QUERY_COST = limit
    refusal = refusal_of(f"{query} # {limit}", **variables)  # another document, which is measured anew
    assert refusal in (None, ("TOO_COMPLEX", {"maxQueryCost": limit}))
    return refusal is not None


def cost_of(settings: Settings, query: str, **variables: object) -> int:
    """The least limit that lets it pass."""
    low, high = 0, 10**7
    while low < high:
        middle = (low + high) // 2
        if cost_is_above(middle, settings, query, **variables):
            low = middle + 1
        else:
            high = middle
    return low


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"chats": 10, "messages": 10}, 431),
        ({"chats": 10, "messages": 20}, 831),
        ({"chats": 20, "messages": 10}, 861),
        ({"chats": 10}, 2031),  # a page of the default size
        ({"chats": 10, "messages": None}, 2031),
        ({"messages": 10}, 4301),  # the variable's own default
        ({"chats": 10, "messages": 0}, 71),
        ({"chats": 10, "messages": 10**6}, 4031),  # never more than the largest page
        ({"chats": 10.0, "messages": 10.0}, 431),
        ({"chats": 10, "messages": "a lot"}, 2031),
    ],
    ids=str,
)
def test_the_cost_of_nested_pages(settings: Settings, variables: dict[str, object], expected: int) -> None:
    assert cost_of(settings, CHATS, **variables) == expected


LITERAL = '{ nodes(ids: ["a", "b", "c"]) { id } }'
BY_VARIABLE = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
BY_DEFAULT = 'query ($ids: [ID!]! = ["a", "b", "c"]) { nodes(ids: $ids) { id } }'


def test_the_cost_of_a_list_of_ids(settings: Settings) -> None:
    assert cost_of(settings, LITERAL) == 4
    assert cost_of(settings, BY_VARIABLE, ids=["a"] * 7) == 8
    assert cost_of(settings, BY_VARIABLE, ids="a") == 2
    assert cost_of(settings, BY_DEFAULT) == 4
    assert cost_of(settings, BY_DEFAULT, ids=["a"]) == 2


def test_the_same_document_is_measured_anew_for_other_variables() -> None:
    assert refusal_of(CHATS, chats=10, messages=10) is None
    for _ in range(2):
        assert refusal_of(CHATS, chats=100, messages=100) is None
        query = CHATS.replace("id text", "id text seq kind clientId createdAt")
        assert refusal_of(query, chats=1, messages=1) is None
        assert refusal_of(query, chats=100, messages=100) == ("TOO_COMPLEX", {"maxQueryCost": 50_000})


def bomb(levels: int, root: str, selection: str) -> str:
    """Fragments of which each spreads the next one twice."""
    fragments = [
        f"fragment F{number} on {root} {{ ...F{number + 1} ...F{number + 1} }}" for number in range(levels)
    ]
    return " ".join([*fragments, f"fragment F{levels} on {root} {{ {selection} }}"])


def test_bombs_of_fragments_cost_no_time() -> None:
    begin = time.perf_counter()
    at_root = "{ ...F0 } " + bomb(60, "Query", "__typename")
    assert refusal_of(at_root) == ("TOO_COMPLEX", {"maxRootFields": 20})
    within = "{ viewer { ...F0 } } " + bomb(60, "Viewer", "email")
    assert refusal_of(within) == ("TOO_COMPLEX", {"maxQueryCost": 50_000})
    aliased = "{ viewer { ...F0 } } " + bomb(60, "Viewer", "mail: email")
    assert refusal_of(aliased) == ("TOO_COMPLEX", {"maxQueryAliases": 30})
    assert time.perf_counter() - begin < 5  # two to the power of 60 steps would take for ever


@pytest.mark.parametrize(
    "query",
    [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ viewer { ...A } } fragment A on Viewer { user { ...B } } fragment B on User { id ...C } "
        "fragment C on User { id ...B }",
    ],
)
def test_cycles_of_fragments(query: str) -> None:
    assert refusal_of(query) == ("BAD_INPUT", {})


@pytest.mark.parametrize("count", [50, 150, 300, 390])
def test_long_chains_of_fragments_are_no_fault_of_ours(count: int, settings: Settings) -> None:
    settings.MAX_QUERY_TOKENS = settings.MAX_QUERY_MERGES = 100_000
    chain = [f"fragment F{number} on Query {{ ...F{number + 1} }}" for number in range(count)]
    query = " ".join(["{ ...F0 }", *chain, f"fragment F{count} on Query {{ __typename }}"])
    assert refusal_of(query) in (None, ("BAD_INPUT", {}))


@pytest.mark.parametrize("opening", ["{ ... ", "{ viewer ", "{ nodes(ids: ", "query ($a: "])
@pytest.mark.parametrize("levels", [100, 1000, 1900])
def test_nesting_of_the_text_itself(opening: str, levels: int) -> None:
    brackets = ("[", "]") if opening.endswith((": ",)) else ("{", "}")
    refusal = refusal_of(opening + brackets[0] * levels + brackets[1] * levels)
    assert refusal is not None
    assert refusal[0] in ("BAD_INPUT", "TOO_COMPLEX")


def test_a_number_too_long_to_read_is_bad_input(caplog: pytest.LogCaptureFixture) -> None:
    assert refusal_of("{ chats(first: " + "9" * 5000 + ") { edges { cursor } } }") == ("BAD_INPUT", {})
    assert not caplog.records


def test_tokens_and_characters(settings: Settings) -> None:
    settings.MAX_QUERY_TOKENS = 10
    settings.MAX_QUERY_CHARACTERS = 40
    assert refusal_of("{ a b c d e f g h i j k }") == ("TOO_COMPLEX", {"maxQueryTokens": 10})
    assert refusal_of("{ __typename } " + "#" * 25) is None
    assert refusal_of("{ __typename } " + "#" * 26) == ("TOO_LARGE", {"maxQueryCharacters": 40})


def test_introspection_costs_as_many_values_as_there_are_types(settings: Settings) -> None:
    settings.MAX_ROOT_FIELDS = 1000
    settings.MAX_QUERY_TOKENS = settings.MAX_QUERY_MERGES = 100_000
    assert refusal_of(get_introspection_query(schema_description=True, input_value_deprecation=True)) is None
    types = "types { name fields { name args { name } type { name } } }"
    for query in (
        "{ __schema {" + " ".join(f"a{number}: {types}" for number in range(31)) + "} }",
        '{ __type(name: "Chat") {' + " ".join(f"a{number}: name" for number in range(31)) + "} }",
    ):
        assert refusal_of(query) == ("TOO_COMPLEX", {"maxQueryAliases": 30})
    settings.MAX_QUERY_ALIASES = 1000
    many = "{" + " ".join(f"a{number}: __schema {{ {types} }}" for number in range(100)) + "}"
    assert refusal_of(many) == ("TOO_COMPLEX", {"maxQueryCost": 50_000})


def test_introspection_can_be_switched_off(settings: Settings) -> None:
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Chat") { name } }'):
        assert refusal_of(query) is None
    settings.INTROSPECTION = False
    for query in ("{ __schema { queryType { name } } }", '{ __type(name: "User") { name } }'):
        assert refusal_of(query) == ("BAD_INPUT", {})
    assert refusal_of("{ __typename, viewer { __typename } }") is None
