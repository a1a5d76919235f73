"""Operations on a socket: «Subscribe», «Next», «Error», «Complete», ids, bounds, faults."""

import asyncio
import json
import logging

import pytest

from tests.api.socket.fakes import bench, turns


async def test_a_query_is_a_next_and_a_complete() -> None:
    one = await bench().ready()
    one.subscribe("query", "a")
    await one.wire.until(lambda wire: len(wire.frames) == 2)
    assert one.wire.frames == [
        {"id": "a", "type": "next", "payload": {"data": "query"}},
        {"id": "a", "type": "complete"},
    ]


async def test_a_feed_goes_on_until_it_completes() -> None:
    one = await bench().ready()
    live = await one.feed()
    live.outlet.next(b'{"data":1}')
    live.outlet.replace("k", b'{"data":2}')
    live.outlet.next(b'{"data":3}')
    live.outlet.complete()
    assert [frame.get("payload") for frame in one.wire.of("1")] == [
        {"data": 1},
        {"data": 2},
        {"data": 3},
        None,
    ]
    assert one.wire.types()[-1] == "complete"


async def test_a_feed_may_end_with_errors() -> None:
    one = await bench().ready()
    live = await one.feed()
    live.outlet.fail([{"message": "gone"}])
    assert one.wire.of("1") == [{"id": "1", "type": "error", "payload": [{"message": "gone"}]}]
    one.subscribe("query")
    await one.wire.until(lambda wire: len(wire.frames) == 3)


async def test_nothing_follows_the_end_of_an_operation() -> None:
    one = await bench().ready()
    live = await one.feed()
    live.outlet.complete()
    live.outlet.next(b"{}")
    live.outlet.replace("k", b"{}")
    live.outlet.fail([])
    live.outlet.complete()
    assert one.wire.types() == ["complete"]


async def test_nothing_follows_the_complete_of_a_client() -> None:
    one = await bench().ready()
    live = await one.feed()
    one.send({"id": "1", "type": "complete"})
    assert live.stopped == 1
    live.outlet.next(b"{}")
    live.outlet.replace("k", b"{}")
    live.outlet.fail([])
    live.outlet.complete()
    assert one.wire.frames == []


async def test_a_complete_of_nothing_is_no_fault() -> None:
    one = await bench().ready()
    one.send({"id": "nobody", "type": "complete"})
    one.subscribe("query")
    await one.wire.until(lambda wire: len(wire.frames) == 2)
    one.send({"id": "1", "type": "complete"})
    assert one.wire.closed is None


@pytest.mark.parametrize("query", ["subscription", "slow subscription", "slow query", "slow mutation"])
async def test_a_live_id_used_again_is_closed_4409(query: str) -> None:
    one = await bench().ready()
    one.subscribe(query)
    one.subscribe("query")
    assert one.wire.code == 4409
    assert one.wire.closed is not None
    assert one.wire.closed[1] == "Subscriber for 1 already exists."


@pytest.mark.parametrize("query", ["subscription", "slow subscription", "slow query", "slow mutation"])
async def test_an_id_is_free_at_once_when_it_is_completed(query: str) -> None:
    one = await bench().ready()
    one.subscribe(query)
    await turns(one.operations.started.is_set)
    for _ in range(3):
        one.send(
            {"id": "1", "type": "complete"}, {"id": "1", "type": "subscribe", "payload": {"query": query}}
        )
    one.send({"id": "1", "type": "complete"})
    one.subscribe("query last")
    one.operations.go.set()
    await one.wire.until(lambda wire: len(wire.frames) == 2)
    await turns(lambda: not one.connection.operations._task_count)
    assert [frame.get("payload") for frame in one.wire.frames] == [{"data": "query last"}, None]
    assert all(live.stopped for live in one.operations.feeds)


@pytest.mark.parametrize("operation_id", ["constructor", "__proto__", "ж😀", "\u0000", " ", "x" * 50_000])
async def test_ids_of_any_kind(operation_id: str) -> None:
    one = await bench(max_unsent_bytes=1_000_000).ready()
    live = await one.feed(operation_id)
    live.outlet.next(b"{}")
    live.outlet.complete()
    one.subscribe("query", operation_id)
    await one.wire.until(lambda wire: len(wire.of(operation_id)) == 4)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("refused", "BAD_INPUT"),
        ("", "BAD_INPUT"),
        ("broken", "INTERNAL"),
        ("failing query", "INTERNAL"),
        ("cancelled query", "INTERNAL"),
        ("failing subscription", "INTERNAL"),
        ("forbidden query", "FORBIDDEN"),
    ],
)
async def test_an_operations_fault_is_its_own(
    query: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = await bench().ready()
    other = await one.feed("other")
    with caplog.at_level(logging.ERROR):
        one.subscribe(query, "bad")
        await one.wire.until(lambda wire: wire.frames)
    (frame,) = one.wire.frames
    assert (frame["id"], frame["type"]) == ("bad", "error")
    (error,) = frame["payload"]
    assert error["extensions"]["code"] == code
    assert "secret" not in json.dumps(frame)
    if code == "INTERNAL":
        assert error["extensions"]["errorId"] in caplog.text
    other.outlet.next(b'{"data":1}')
    one.subscribe("query", "bad")
    await one.wire.until(lambda wire: len(wire.frames) == 4)
    assert one.wire.closed is None


async def test_a_feed_that_ends_while_it_starts() -> None:
    one = await bench().ready()
    one.subscribe("ended subscription")
    await one.wire.until(lambda wire: wire.frames)
    await turns(lambda: one.operations.feeds and one.operations.feeds[0].stopped)
    assert one.wire.types() == ["complete"]


async def test_a_resume_that_fails_is_an_error_of_its_operation() -> None:
    one = await bench().ready()
    live = await one.feed()

    def fail() -> None:
        raise ZeroDivisionError

    live.on_resume = fail
    live.outlet.next(b'"' + b"x" * 5000 + b'"')
    assert not live.outlet.open
    one.pong()
    await one.wire.until(lambda wire: wire.types()[-1] == "error")
    assert live.stopped
    assert one.wire.closed is None


async def test_a_completed_query_is_cancelled_and_a_mutation_is_carried_out() -> None:
    one = await bench().ready()
    one.subscribe("slow query", "q")
    one.subscribe("slow mutation", "m")
    await turns(lambda: len(one.operations.contexts) == 2)
    one.send({"id": "q", "type": "complete"}, {"id": "m", "type": "complete"})
    one.operations.go.set()
    await turns(lambda: not one.connection.operations._task_count)
    assert one.operations.finished == ["slow mutation"]
    assert one.wire.frames == []


async def test_feeds_and_running_operations_have_bounds_of_their_own() -> None:
    one = await bench(max_feeds=2, max_running_operations=2).ready()
    await one.feed("f1")
    await one.feed("f2")
    await turns(lambda: not one.connection.operations._task_count)
    for name in ("q1", "q2", "q3"):
        one.subscribe("slow query", name)
    one.subscribe("subscription", "f3")
    await one.wire.until(lambda wire: len(wire.frames) == 2)
    assert {frame["id"] for frame in one.wire.frames} == {"q3", "f3"}
    for frame in one.wire.frames:
        assert frame["type"] == "error"
        extensions = frame["payload"][0]["extensions"]
        assert extensions["code"] == "RATE_LIMITED"
        assert extensions["limit"] == 2
        assert extensions["retryAfterMs"] > 0
    one.send({"id": "f1", "type": "complete"})
    await one.feed("f3")
    one.operations.go.set()
    await turns(lambda: not one.connection.operations._task_count)
    one.subscribe("query", "q3")
    await turns(lambda: len(one.operations.finished) == 3)
    assert one.wire.closed is None


async def test_mutations_that_were_left_still_count() -> None:
    one = await bench(max_running_operations=1).ready()
    one.subscribe("slow mutation", "m")
    await turns(one.operations.started.is_set)
    one.send({"id": "m", "type": "complete"})
    one.subscribe("query", "q")
    await one.wire.until(lambda wire: wire.frames)
    assert one.wire.frames[0]["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    one.operations.go.set()


async def test_too_many_subscribes_are_refused_and_the_socket_lives() -> None:
    one = await bench(max_frame_burst=3, max_frames_per_second=1).ready()
    for name in "abcde":
        one.subscribe("query", name)
    refusals = [frame for frame in one.wire.frames if frame["type"] == "error"]
    assert [frame["id"] for frame in refusals] == ["d", "e"]
    for frame in refusals:
        extensions = frame["payload"][0]["extensions"]
        assert extensions["code"] == "RATE_LIMITED"
        assert 0 < extensions["retryAfterMs"] <= 1000
    await one.wire.until(lambda wire: len(wire.of("c")) == 2)
    assert one.wire.closed is None


@pytest.mark.parametrize("frame", [{"type": "ping"}, {"type": "pong"}, {"id": "x", "type": "complete"}])
async def test_too_many_frames_of_nobody_close_the_socket(frame: object) -> None:
    one = await bench(max_frame_burst=3, max_frames_per_second=1).ready()
    one.send(frame, frame, frame)
    assert one.wire.closed is None
    one.send(frame)
    assert one.wire.code == 4452


@pytest.mark.parametrize(
    ("frame", "code"),
    [("[]", 4400), ("null", 4400), ("{", 4400), ('{"type":"start"}', 4400), ("x" * 70_000, 1009)],
)
async def test_a_frame_that_cannot_be_attributed_closes_all(frame: str, code: int) -> None:
    one = await bench().ready()
    live = await one.feed()
    one.subscribe("slow query", "q")
    one.send(frame, '{"type":"ping"}', "[]")
    assert one.wire.code == code
    assert live.stopped == 1
    await turns(lambda: not one.connection.operations._task_count)
    assert one.sockets.present == []
    assert one.wire.frames == []


async def test_a_binary_frame_is_closed_4400() -> None:
    one = await bench().ready()
    one.connection.binary(b'{"type":"ping"}')
    one.connection.binary(b"")
    assert one.wire.code == 4400


async def test_an_unforeseen_exception_is_closed_4500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    one = await bench().ready()
    live = await one.feed()

    def fail() -> None:
        raise ZeroDivisionError

    live.stop = fail  # type: ignore[method-assign]
    one.send({"id": "1", "type": "complete"})
    assert one.wire.closed is not None
    code, reason = one.wire.closed
    assert code == 4500
    assert reason.split()[-1].rstrip(".") in caplog.text


async def test_a_client_that_goes_leaves_nothing() -> None:
    before = asyncio.all_tasks()
    one = await bench().ready()
    live = await one.feed("f")
    one.subscribe("slow subscription", "s")
    one.subscribe("slow query", "q")
    one.connection.closed()
    one.connection.closed()
    one.connection.text("{}")
    await turns(lambda: asyncio.all_tasks() == before)
    assert live.stopped == 1
    assert one.sockets.present == []
    assert one.wire.closed is None
    assert len(one.connection.operations) == 0
