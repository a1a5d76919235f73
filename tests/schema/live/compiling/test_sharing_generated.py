"""Shared or not, each viewer gets what an execution for them alone gives, for generated selections."""

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, find, given, note, reject, settings
from hypothesis import strategies as st

from auth.models import User
from chats.events import DurableEvent
from chats.log.read import read_range
from chats.models import Chat, Membership
from chats.services import add_members, delete_message, edit_message
from foundation.database import in_thread
from schema.documents.prepared import prepare
from schema.execution import OperationRequest, RequestRefused, subscribe
from schema.live.compiling.plan import build_executor, compile_plan
from schema.live.delivery.live_chats import live_chats
from tests.factories import make_group, make_users, say
from tests.schema.executing import context_of, ids
from tests.schema.live.outlets import FakeOutlet
from tests.schema.live.selections import Selected, selections

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]

generated = settings(
    max_examples=60,
    deadline=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


SINCE = 3
# How often the examples had each outcome.
outcomes: Counter[str] = Counter()


class Scene:
    """A chat that looks different to each viewer: unread counts, roles and readable history."""

    people: list[User]
    chat: Chat
    events: list[DurableEvent]

    @classmethod
    def make(cls) -> "Scene":
        """Synchronous."""
        scene = cls()
        ann, bob, cy = scene.people = make_users(3)
        scene.chat = chat = make_group(ann, cy)
        early = say(ann, chat, "before the other's joining")
        add_members(ann.pk, chat.pk, [bob.pk])
        for number in range(3):
            last = say(ann, chat, f"{number} \u2028 \"'", reply_to_id=early.pk)
        edit_message(ann.pk, last.pk, "edited")
        delete_message(ann.pk, say(ann, chat).pk)
        Membership.objects.filter(user=ann).update(last_read_seq=100)
        Membership.objects.filter(user=cy).update(last_read_seq=6)
        scene.events = read_range(chat.pk, SINCE + 1, 100)
        return scene


@pytest.fixture
async def scene(hub: None) -> Scene:
    return await in_thread(Scene.make)


async def frames_of(viewers: list[User], selected: Selected, scene: Scene) -> tuple[list[Any], int]:
    """The payloads of simultaneous subscriptions after FeedReady, and the number of their streams."""
    outlets = [FakeOutlet() for _ in viewers]
    operations = [
        await subscribe(prepare(request(selected, scene)), context_of(viewer), outlet)
        for viewer, outlet in zip(viewers, outlets, strict=True)
    ]
    streams = len(live_chats().open_chats[scene.chat.pk].streams)
    for operation, outlet in zip(operations, outlets, strict=True):
        await outlet.wait_for(lambda outlet=outlet: len(outlet.payloads) == 1 + len(scene.events))  # type: ignore[misc]
        operation.stop()
        outlet.stopped = True
    return [[in_order(payload) for payload in outlet.payloads[1:]] for outlet in outlets], streams


async def executed_for(viewer: User, selected: Selected, scene: Scene) -> list[Any]:
    """The results of graphql-core for the same events and this viewer alone."""
    context = context_of(viewer)
    prepared = prepare(request(selected, scene))
    executor = build_executor(prepared, context)
    plan = replace(compile_plan(prepared, executor, context), context=context, projection=None)
    return [in_order(await plan.execute(carried)) for carried in scene.events]


def request(selected: Selected, scene: Scene) -> OperationRequest:
    text = selected.text.replace('chatId: "Q2hhdDox"', f'chatId: "{ids(scene.chat)[0]}", since: {SINCE}')
    return OperationRequest(text, variables=dict(selected.variables))


def in_order(payload: bytes) -> Any:
    return json.loads(payload, object_pairs_hook=list)


@generated
@given(data=st.data())
async def test_each_viewer_gets_their_own_values(scene: Scene, data: st.DataObject) -> None:
    selected = data.draw(selections(with_lookups=True, roots=("chatFeed",)))
    note(repr(selected))
    viewers = data.draw(
        st.permutations(scene.people + data.draw(st.lists(st.sampled_from(scene.people), max_size=2)))
    )
    try:
        prepare(request(selected, scene))
    except RequestRefused as refusal:
        assert refusal.errors[0]["extensions"]["code"] in ("TOO_COMPLEX", "TOO_LARGE")  # type: ignore[index]  # noqa: PT017
        reject()
    found, streams = await frames_of(viewers, selected, scene)
    expected = [await executed_for(viewer, selected, scene) for viewer in viewers]
    assert found == expected
    differs = any(one != expected[0] for one in expected)
    assert streams in ((len(scene.people),) if differs else (1, len(scene.people)))
    outcome = "differs" if differs else "shared" if streams == 1 else "separate, though equal"
    event(outcome)
    outcomes[outcome] += 1


def test_the_examples_include_shared_and_differing_ones() -> None:
    """The test before this one passes vacuously if no selection depends on the viewer."""
    if not outcomes:
        pytest.skip("nothing was generated: run the whole module")
    assert outcomes["differs"], outcomes
    assert outcomes["shared"], outcomes


KINDS = {
    "alias": r"\b[ab]_\w+: ",
    "alias of the root": r"\{ feed: ",
    "named fragment": r"\.\.\.F\d",
    "named fragment with a lookup": r"\.\.\.Lookup",
    "fragment in a fragment": r"fragment F[^\n]*\.\.\.F\d",
    "inline fragment of any type": r"\.\.\. +\{|\.\.\. @",
    "inline fragment on an object": r"\.\.\. on MemberJoined",
    "inline fragment on an interface": r"\.\.\. on (ChatEvent|Node)\b",
    "inline fragment on a union": r"\.\.\. on ChatFeedEvent",
    "fragment on an interface": r"fragment \w+ on (ChatEvent|Node)\b",
    "fragment on a union": r"fragment \w+ on ChatFeedEvent",
    "typename": r"__typename",
    "skip": r"@skip\(if: (true|false)",
    "include": r"@include\(if: (true|false)",
    "skip by a variable": r"@skip\(if: \$",
    "include by a variable": r"@include\(if: \$",
    "skip and include": r"@skip\([^)]*\) @include|@include\([^)]*\) @skip",
    "condition on a fragment": r"\.\.\.[ \w]+ @(skip|include)",
    "variable with a default": r"\$may\b",
    "unread count": r"viewerMembership",
    "reply": r"replyTo",
    "member": r"\bmember\b",
    "actor": r"\bactor\b",
}


@pytest.mark.parametrize("kind", KINDS)
def test_selections_of_this_kind_are_generated(kind: str) -> None:
    find(
        selections(with_lookups=True, roots=("chatFeed",)),
        lambda selected: re.search(KINDS[kind], selected.text) is not None,
        settings=settings(max_examples=400, phases=[Phase.generate], database=None),
    )


async def test_shared_and_separate_plans_at_once(scene: Scene) -> None:
    """One selection that differs between viewers and one that does not, each subscribed by all viewers at once."""
    body = "... on MessagePosted { seq message { text replyTo { text } chat { viewerMembership { unreadCount } } } }"
    for fields, streams in ((body, 3), ("... on MessagePosted { seq message { text } }", 1)):
        selected = Selected(
            f'subscription {{ chatFeed(chatId: "Q2hhdDox") {{ {fields} }} }}', {}, "chatFeed", True
        )
        outlets = [FakeOutlet() for _ in scene.people]
        operations = [
            await subscribe(prepare(request(selected, scene)), context_of(viewer), outlet)
            for viewer, outlet in zip(scene.people, outlets, strict=True)
        ]
        assert len(live_chats().open_chats[scene.chat.pk].streams) == streams
        for viewer, outlet in zip(scene.people, outlets, strict=True):
            await outlet.wait_for(lambda outlet=outlet: len(outlet.payloads) == 1 + len(scene.events))  # type: ignore[misc]
            found = [in_order(payload) for payload in outlet.payloads[1:]]
            assert found == await executed_for(viewer, selected, scene)
        for operation in operations:
            operation.stop()
