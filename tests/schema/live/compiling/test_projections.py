"""A projection equals the result of graphql-core, for generated selections and generated events."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, note, reject, settings
from hypothesis import strategies as st

from auth.models import User
from chats.events import MessagePosted
from schema.documents.prepared import prepare
from schema.execution import OperationRequest, RequestRefused
from schema.live.compiling.event_objects import FeedEvent
from schema.live.compiling.plan import Plan, build_executor, compile_plan
from tests.schema.executing import context_of
from tests.schema.live.generated_events import CARRIED_BY_ALL_FEEDS, CARRIED_BY_CHAT_FEEDS, DURABLE
from tests.schema.live.selections import Selected, selections

generated = settings(
    max_examples=150,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def plan_of(text: str, variables: Any) -> Plan:
    """The plan of a subscription."""
    prepared = prepare(OperationRequest(text, variables=dict(variables)))
    context = context_of(User(pk=1))
    return compile_plan(prepared, build_executor(prepared, context), context)


def is_shared(plan: Plan) -> bool:
    """Whether the plan's key names no viewer."""
    return plan.key[2] is None


def plan_of_selected(selected: Selected) -> Plan:
    try:
        return plan_of(selected.text, selected.variables)
    except RequestRefused as refusal:
        if refusal.errors[0]["extensions"]["code"] in ("TOO_COMPLEX", "TOO_LARGE"):  # type: ignore[index]
            reject()
        raise


async def executed(plan: Plan, carried: FeedEvent) -> bytes:
    """The result of graphql-core."""
    return await replace(plan, projection=None).execute(carried)


def in_order(payload: bytes) -> Any:
    """The JSON with the order of its keys."""
    return json.loads(payload, object_pairs_hook=list)


@pytest.mark.parametrize("with_lookups", [False, True])
@generated
@given(data=st.data())
async def test_a_projection_is_equal_to_an_execution(with_lookups: bool, data: st.DataObject) -> None:
    selected = data.draw(selections(with_lookups))
    note(repr(selected))
    plan = plan_of_selected(selected)
    event(f"projects: {plan.projection is not None}")
    if plan.projection is None:
        # A plan with a lookup may project: if no event reaches the lookup, the results are equal all the same.
        assert selected.has_lookup
        return
    assert is_shared(plan)
    for _ in range(3):
        carried = data.draw(CARRIED_BY_CHAT_FEEDS if selected.root == "chatFeed" else CARRIED_BY_ALL_FEEDS)
        event(type(carried).__name__)
        assert in_order(plan.projection(carried)) == in_order(await executed(plan, carried))


MESSAGE = """subscription ($yes: Boolean = true) {
  chatFeed(chatId: "Q2hhdDox") { ... on MessagePosted { message { %s } } }
}"""


@pytest.mark.parametrize(
    "selected",
    ["chat { id }", "text replyTo { id }", "... on Node { ... on Message { chat { __typename } } }"],
)
def test_lookups_are_left_to_graphql_core(selected: str) -> None:
    plan = plan_of(MESSAGE.replace("($yes: Boolean = true) ", "") % selected, {})
    assert plan.projection is None
    assert not is_shared(plan)


def test_a_lookup_that_is_never_included_is_not_needed() -> None:
    plan = plan_of(MESSAGE % "text @skip(if: $yes) seq chat @skip(if: $yes) { id }", {})
    assert plan.projection is not None
    assert is_shared(plan)


@given(carried=DURABLE)
async def test_a_condition_that_is_null_is_left_to_graphql_core(carried: Any) -> None:
    """A variable with a default may still be null, which graphql-core answers with an error."""
    plan = plan_of(MESSAGE % "seq text @include(if: $yes)", {"yes": None})
    assert plan.projection is None
    if isinstance(carried, MessagePosted):
        assert "errors" in json.loads(await plan.execute(carried))
