"""Generates subscriptions: every way in which GraphQL can select fields of a feed's events.

Response keys derive from the field's name, so that equal keys can always be merged (section 5.3.2).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
)
from hypothesis import strategies as st

from schema.build import schema
from schema.live.compiling.projectable_fields import projectable_fields

MOST_FIELDS = 4
MOST_DEPTH = 5
FRAGMENTS = 3
ROOTS = {"chatFeed": "ChatFeedEvent", "inboxFeed": "InboxFeedEvent"}
ARGUMENTS = {"chatFeed": '(chatId: "Q2hhdDox")', "inboxFeed": ""}

# The declaration of each variable, and whether its value may be omitted.
VARIABLES = {
    "must": ("$must: Boolean!", False),
    "may": ("$may: Boolean = true", True),
    "mustOr": ("$mustOr: Boolean! = false", True),
}

# Fields that no snapshot holds, by type: graphql-core looks them up for each viewer.
LOOKED_UP = {
    "Message": (
        "chat { id }",
        "replyTo { id text }",
        "answered: replyTo { __typename chat { viewerMembership { role } } }",
        "chat { viewerMembership { unreadCount role } }",
        "mine: chat { viewerMembership { lastReadSeq } lastMessage { text } memberCount }",
    )
}


@dataclass(frozen=True)
class Selected:
    """A generated subscription with values for its variables."""

    text: str
    variables: Mapping[str, Any]
    root: str
    has_lookup: bool

    def __repr__(self) -> str:
        return f"{self.text}\n# {dict(self.variables)}"


@st.composite
def selections(
    draw: st.DrawFn, with_lookups: bool = False, roots: tuple[str, ...] = tuple(ROOTS)
) -> Selected:
    """Subscriptions of chatFeed and inboxFeed; `with_lookups` adds fields that no event holds."""
    root = draw(st.sampled_from(roots))
    draft = _Draft(draw, with_lookups)
    key = draw(st.sampled_from(["", "feed: "]))
    body = draft.selection_set(ROOTS[root])
    if with_lookups and draw(st.integers(0, 3)):
        body = f"{{ {draft.lookup(ROOTS[root])} {body[1:]}"
    fragments = [f"fragment {name} on {on} {selected}" for name, (on, selected) in draft.fragments.items()]
    names = sorted(draft.used_variables)
    declared = ", ".join(VARIABLES[name][0] for name in names)
    variables = {name: draw(st.booleans()) for name in names if not VARIABLES[name][1] or draw(st.booleans())}
    operation = f"subscription ({declared})" if declared else "subscription"
    text = "\n".join([f"{operation} {{ {key}{root}{ARGUMENTS[root]} {body} }}", *fragments])
    return Selected(text, variables, root, draft.has_lookup)


@dataclass
class _Draft:
    """A document that is being generated."""

    draw: st.DrawFn
    with_lookups: bool
    has_lookup: bool = False
    fragments: dict[str, tuple[str, str]] = field(default_factory=dict)
    used_variables: set[str] = field(default_factory=set)

    def selection_set(self, type_name: str, depth: int = 0, fragment: int = -1) -> str:
        """A selection set on a type; `fragment` is the number of the named fragment that it stands in."""
        count = self.draw(st.integers(1, MOST_FIELDS))
        parts = [self._selection(type_name, depth, fragment) for _ in range(count)]
        return "{ " + " ".join(parts) + " }"

    def lookup(self, type_name: str) -> str:
        """A lookup inside a fragment. Chance alone rarely generates one."""
        self.has_lookup = True
        looked_up = self.draw(st.sampled_from(LOOKED_UP["Message"]))
        fields = f"message{self._directives()} {{ {looked_up} }}"
        on = self.draw(st.sampled_from(["MessagePosted", "MessageEdited"]))
        if self._chance(50):
            name = f"Lookup{len(self.fragments)}on{on}"
            self.fragments[name] = (on, f"{{ {fields} }}")
            return f"...{name}{self._directives()}"
        between = self.draw(st.sampled_from([None, "ChatEvent", type_name]))
        inner = f"... on {on}{self._directives()} {{ {fields} }}"
        return inner if between is None else f"... on {between} {{ {inner} }}"

    def _selection(self, type_name: str, depth: int, fragment: int) -> str:
        kinds = ["field", "field", "field", "inline", "spread"]
        kind = self.draw(st.sampled_from(kinds if _fields(type_name) else kinds[2:]))
        if depth < MOST_DEPTH and kind == "inline":
            return self._inline(type_name, depth, fragment)
        if depth < MOST_DEPTH and kind == "spread" and fragment < FRAGMENTS - 1:
            return self._spread(type_name, depth, fragment)
        return self._field(type_name, depth, fragment)

    def _field(self, type_name: str, depth: int, fragment: int) -> str:
        if self.with_lookups and type_name in LOOKED_UP and self._chance(40):
            self.has_lookup = True
            return self.draw(st.sampled_from(LOOKED_UP[type_name]))
        fields = _fields(type_name) if depth < MOST_DEPTH else {}
        name = self.draw(st.sampled_from([*sorted(fields), "__typename"]))
        selected = ""
        if name in fields and is_composite_type(returned := get_named_type(fields[name].type)):
            selected = self.selection_set(returned.name, depth + 1, fragment)
        alias = f"{self.draw(st.sampled_from('ab'))}_{name.strip('_')}: " if self._chance(25) else ""
        return f"{alias}{name}{self._directives()} {selected}"

    def _inline(self, type_name: str, depth: int, fragment: int) -> str:
        condition = self.draw(st.sampled_from([None, *_overlapping(type_name)]))
        on = "" if condition is None else f" on {condition}"
        selected = self.selection_set(condition or type_name, depth + 1, fragment)
        return f"...{on}{self._directives()} {selected}"

    def _spread(self, type_name: str, depth: int, fragment: int) -> str:
        # A fragment spreads only later ones, so that there is no cycle.
        number = self.draw(st.integers(fragment + 1, FRAGMENTS - 1))
        condition = self.draw(st.sampled_from(_overlapping(type_name)))
        name = f"F{number}on{condition}"
        if name not in self.fragments:
            self.fragments[name] = (condition, self.selection_set(condition, depth + 1, number))
        return f"...{name}{self._directives()}"

    def _directives(self) -> str:
        """Conditions, or none."""
        if not self._chance(30):
            return ""
        names = self.draw(st.permutations(["skip", "include"]))[: self.draw(st.integers(1, 2))]
        return "".join(f" @{name}(if: {self._condition()})" for name in names)

    def _condition(self) -> str:
        value = self.draw(st.sampled_from(["true", "false", *(f"${name}" for name in VARIABLES)]))
        if value.startswith("$"):
            self.used_variables.add(value[1:])
        return value

    def _chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) < percent


def _type(name: str) -> GraphQLNamedType:
    found = schema.graphql_schema.get_type(name)
    assert found is not None
    return found


@cache
def _fields(type_name: str) -> dict[str, GraphQLField]:
    """The fields of a type that are projectable on each of its object types."""
    found = _type(type_name)
    if isinstance(found, GraphQLUnionType):
        return {}
    assert isinstance(found, GraphQLObjectType | GraphQLInterfaceType)
    projectable = projectable_fields()
    shapes = [projectable[name] for name in _objects(type_name) if name in projectable]
    return {name: one for name, one in found.fields.items() if all(name in shape for shape in shapes)}


@cache
def _objects(type_name: str) -> frozenset[str]:
    found = _type(type_name)
    if isinstance(found, GraphQLObjectType):
        return frozenset([found.name])
    assert isinstance(found, GraphQLUnionType | GraphQLInterfaceType)
    return frozenset(one.name for one in schema.graphql_schema.get_possible_types(found))


@cache
def _overlapping(type_name: str) -> list[str]:
    """The types of fragments that are valid here, of those that an event's objects can have."""
    return sorted(name for name in _conditions() if _objects(name) & _objects(type_name))


def _conditions() -> Iterator[str]:
    yield from projectable_fields()
    yield from ("ChatEvent", "Node", *ROOTS.values())
