"""What is compiled of a document is cached, bounded, and no longer kept than the document itself."""

import gc
import weakref

import pytest

from auth.models import User
from schema.documents import prepared
from schema.documents.prepared import DocumentStore, OperationRequest, prepare
from schema.live.compiling.plan import PROJECTIONS_KEPT, build_executor, compile_plan
from tests.schema.executing import context_of

FEED = """subscription Feed%d($chatId: ID!, $text: Boolean!, $since: Int) {
  chatFeed(chatId: $chatId, since: $since) { ... on MessagePosted { seq message { text @include(if: $text) } } }
}"""


@pytest.fixture(autouse=True)
def _small_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_store", DocumentStore(5, 1_000_000))


def compile_once(number: int, **variables: object) -> "weakref.ref[prepared.Document]":
    """Compile a subscription; returns a weak reference to its document."""
    context = context_of(User(pk=1))
    prepared = prepare(
        OperationRequest(FEED % number, variables={"chatId": "Q2hhdDox", "text": True, **variables})
    )
    plan = compile_plan(prepared, build_executor(prepared, context), context)
    assert plan.projection is not None
    return weakref.ref(prepared.document)


def test_a_dropped_document_is_freed() -> None:
    found = [compile_once(number) for number in range(20)]
    gc.collect()
    assert sum(reference() is not None for reference in found) == 5


def test_a_projection_is_compiled_once_for_equal_conditions() -> None:
    context = context_of(User(pk=1))
    projections = []
    for text, since in ((True, 1), (True, 2), (False, 3), (True, None)):
        variables = {"chatId": "Q2hhdDox", "text": text, "since": since}
        prepared = prepare(OperationRequest(FEED % 1, variables=variables))
        projections.append(compile_plan(prepared, build_executor(prepared, context), context).projection)
    one, again, other, last = projections
    assert one is again is last
    assert one is not other


def test_projections_of_one_document_are_bounded() -> None:
    declared = ", ".join(f"$v{number}: Boolean!" for number in range(10))
    fields = " ".join(f"a{number}: seq @include(if: $v{number})" for number in range(10))
    text = (
        f'subscription ({declared}) {{ chatFeed(chatId: "Q2hhdDox") {{ ... on ChatEvent {{ {fields} }} }} }}'
    )
    context = context_of(User(pk=1))
    for number in range(100):
        values: dict[str, object] = {f"v{bit}": bool(number >> bit & 1) for bit in range(10)}
        prepared = prepare(OperationRequest(text, variables=values))
        compile_plan(prepared, build_executor(prepared, context), context)
    assert len(prepared.document.projections) == PROJECTIONS_KEPT
