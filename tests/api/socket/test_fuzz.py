"""Whatever a client sends, in whatever order: a defined effect, an `error` or a close, and never a zombie."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from api.socket.close_codes import CloseCode
from schema.live.outlet import Outlet
from tests.api.socket.fakes import Bench, bench, turns

IDS = st.sampled_from(["1", "2", "3", "constructor"])
QUERIES = st.sampled_from(
    [
        "query",
        "mutation",
        "subscription",
        "slow query",
        "slow mutation",
        "slow subscription",
        "ended subscription",
    ]
) | st.sampled_from(
    ["refused", "broken", "failing query", "failing subscription", "cancelled query", "", None, 1]
)
GOOD = {"type": "connection_init", "payload": {"Authorization": "Bearer good"}}

FRAMES = st.one_of(
    st.builds(lambda one, query: {"id": one, "type": "subscribe", "payload": {"query": query}}, IDS, QUERIES),
    st.builds(lambda one: {"id": one, "type": "complete"}, IDS),
    st.just({"type": "ping"}),
    st.just({"type": "pong"}),
)
WILD = st.one_of(
    st.just(GOOD),
    st.builds(lambda payload: {"type": "connection_init", "payload": payload}, st.none() | st.integers()),
    st.text(max_size=20),
    st.binary(max_size=4),
    st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3)),
)
PAUSE = st.just("pause")
EVENT = st.sampled_from(["next", "replace", "end", "fail", "go", "supersede", "gone"])
STEPS = st.lists(
    st.one_of(FRAMES, FRAMES, FRAMES, WILD, PAUSE, EVENT.map(lambda name: ("server", name))), max_size=30
)
CODES = {int(code) for code in CloseCode}


def server_event(one: Bench, name: str) -> None:
    lives = [live for live in one.operations.feeds if not live.stopped]
    if name == "go":
        one.operations.go.set()
    elif name == "supersede":
        one.connection.supersede()
    elif name == "gone":
        one.connection.closed()
    elif lives:
        write(lives[-1].outlet, name)


def write(outlet: Outlet, name: str) -> None:
    if name == "next":
        outlet.next(b'{"data":"' + b"x" * 900 + b'"}')
    elif name == "replace":
        outlet.replace("k", b'{"data":1}')
    elif name == "end":
        outlet.complete()
    else:
        outlet.fail([{"message": "x"}])


async def play(steps: list[object], ready: bool) -> Bench:
    one = bench()
    if ready:
        await one.ready()
    for step in steps:
        if step == "pause":
            for _ in range(5):
                await asyncio.sleep(0)
        elif isinstance(step, tuple):
            server_event(one, step[1])
        elif isinstance(step, bytes):
            one.connection.binary(step)
        else:
            one.send(step)
    return one


async def finish(one: Bench) -> None:
    """Let everything that may still happen happen, then end the socket: nothing may be left of it."""
    one.operations.go.set()
    await turns(lambda: not one.connection.operations._task_count and _checked(one))
    if one.wire.closed is None:
        one.connection.text("[]")
        one.connection.closed()
    await turns(lambda: len(asyncio.all_tasks()) == 1)
    assert one.sockets.present == []
    assert len(one.connection.operations) == 0
    counters = (
        one.connection.operations._feeds,
        one.connection.operations._running,
        one.connection._outbox._held,
    )
    assert counters == (0, 0, 0)


def _checked(one: Bench) -> bool:
    check = one.connection._check
    return check is None or check.done()


def check_frames(one: Bench) -> None:
    """Each id's frames are a number of operations one after the other, each ended at most once."""
    assert one.wire.code is None or one.wire.code in CODES
    for frame in one.wire.frames:
        assert frame["type"] in ("connection_ack", "ping", "pong", "next", "complete", "error"), frame
        assert "secret" not in json.dumps(frame)
        if frame["type"] == "error":
            assert frame["payload"]
            assert all("message" in error for error in frame["payload"])


@settings(max_examples=600, deadline=None)
@given(STEPS, st.booleans())
def test_any_client_meets_a_defined_end(steps: list[object], ready: bool) -> None:
    async def run() -> None:
        one = await play(steps, ready)
        await finish(one)
        check_frames(one)

    asyncio.run(run())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(FRAMES, PAUSE), max_size=30))
def test_every_operation_is_answered(steps: list[object]) -> None:
    """A socket that stays open has answered each subscribe, but for feeds that live and what the client completed."""

    async def run() -> None:
        one = await play(steps, True)
        one.operations.go.set()
        await turns(lambda: not one.connection.operations._task_count)
        started = {step["id"] for step in steps if isinstance(step, dict) and step["type"] == "subscribe"}
        completed = {step["id"] for step in steps if isinstance(step, dict) and step["type"] == "complete"}
        answered = {frame["id"] for frame in one.wire.frames if "id" in frame}
        if one.wire.closed is None:
            assert (
                started - completed - answered == set(one.connection.operations._by_id) - answered - completed
            )
            for operation_id in started - completed - answered:
                assert one.connection.operations._by_id[operation_id].kind == "subscription"
        await finish(one)

    asyncio.run(run())
