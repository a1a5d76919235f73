"""Any frames in any order: each has a defined effect, an `error` or a close, and nothing is left of the socket."""

import asyncio
import json
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from api.socket.client_operation import ClientOperation
from api.socket.close_codes import CloseCode
from schema.live.outlet import Outlet
from tests.api.socket.fakes import Bench, bench, operations_ended, turns

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
    lives = [live for live in one.executor.feeds if not live.stopped]
    if name == "go":
        one.executor.go.set()
    elif name == "supersede":
        one.socket.close_superseded()
    elif name == "gone":
        one.socket.on_disconnect()
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
            one.socket.on_binary(step)
        else:
            one.send(step)
    return one


async def finish(one: Bench) -> None:
    """Let all pending work end, then close the socket: nothing may be left of it."""
    one.executor.go.set()
    await turns(lambda: len(asyncio.all_tasks()) == 1)
    if one.writer.closed is None:
        one.socket.on_text("[]")
        one.socket.on_disconnect()
    await turns(lambda: len(asyncio.all_tasks()) == 1)
    await operations_ended()
    assert one.registry.admitted == []
    assert one.operation_ids == set()
    table = one.socket.operations
    assert (table._feed_count, table._running_count, one.socket._outbox._withheld) == (0, 0, 0)


def check_frames(one: Bench) -> None:
    """Every frame is one of the protocol, tells no secret and, if an error, has a message."""
    assert one.writer.code is None or one.writer.code in CODES
    for frame in one.writer.frames:
        assert frame["type"] in ("connection_ack", "ping", "pong", "next", "complete", "error"), frame
        assert "secret" not in json.dumps(frame)
        if frame["type"] == "error":
            assert frame["payload"]
            assert all("message" in error for error in frame["payload"])


@settings(max_examples=600, deadline=None)
@given(STEPS, st.booleans())
def test_every_client_gets_a_defined_end(steps: list[object], ready: bool) -> None:
    async def run() -> None:
        one = await play(steps, ready)
        await finish(one)
        check_frames(one)

    asyncio.run(run())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(FRAMES, PAUSE), max_size=30))
def test_every_operation_is_answered(steps: list[object]) -> None:
    """A socket that stays open has answered each subscribe, but for live feeds and what the client completed."""

    async def run() -> None:
        one = await play(steps, True)
        one.executor.go.set()
        await operations_ended()
        started = {step["id"] for step in steps if isinstance(step, dict) and step["type"] == "subscribe"}
        completed = {step["id"] for step in steps if isinstance(step, dict) and step["type"] == "complete"}
        answered = {frame["id"] for frame in one.writer.frames if "id" in frame}
        if one.writer.closed is None:
            assert started - completed - answered == one.operation_ids - answered - completed
            live = {cast(ClientOperation, feed.outlet).id for feed in one.executor.feeds if not feed.stopped}
            assert started - completed - answered <= live
        await finish(one)

    asyncio.run(run())
