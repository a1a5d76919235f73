"""Operations on a socket: «Subscribe», «Next», «Error», «Complete», ids, limits, faults."""

import asyncio
import json
import logging

import pytest

from tests.api.socket.fakes import bench, operations_ended, turns


async def test_a_query_is_a_next_and_a_complete() -> None:
    one = await bench().ready()
    one.subscribe("query", "a")
    await one.writer.until(lambda writer: len(writer.frames) == 2)
    assert one.writer.frames == [
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
    assert [frame.get("payload") for frame in one.writer.of("1")] == [
        {"data": 1},
        {"data": 2},
        {"data": 3},
        None,
    ]
    assert one.writer.types()[-1] == "complete"


async def test_a_feed_may_end_with_errors() -> None:
    one = await bench().ready()
    live = await one.feed()
    live.outlet.fail([{"message": "gone"}])
    assert one.writer.of("1") == [{"id": "1", "type": "error", "payload": [{"message": "gone"}]}]
    one.subscribe("query")
    await one.writer.until(lambda writer: len(writer.frames) == 3)


async def test_nothing_follows_the_end_of_an_operation() -> None:
    one = await bench().ready()
    live = await one.feed()
    live.outlet.complete()
    live.outlet.next(b"{}")
    live.outlet.replace("k", b"{}")
    live.outlet.fail([])
    live.outlet.complete()
    assert one.writer.types() == ["complete"]


async def test_nothing_follows_a_complete_of_the_client() -> None:
    one = await bench().ready()
    live = await one.feed()
    one.send({"id": "1", "type": "complete"})
    assert live.stopped == 1
    live.outlet.next(b"{}")
    live.outlet.replace("k", b"{}")
    live.outlet.fail([])
    live.outlet.complete()
    assert one.writer.frames == []


async def test_a_complete_of_an_unknown_id_is_ignored() -> None:
    one = await bench().ready()
    one.send({"id": "nobody", "type": "complete"})
    one.subscribe("query")
    await one.writer.until(lambda writer: len(writer.frames) == 2)
    one.send({"id": "1", "type": "complete"})
    assert one.writer.closed is None


@pytest.mark.parametrize("query", ["subscription", "slow subscription", "slow query", "slow mutation"])
async def test_a_second_use_of_a_live_id_closes_4409(query: str) -> None:
    one = await bench().ready()
    one.subscribe(query)
    one.subscribe("query")
    assert one.writer.code == 4409
    assert one.writer.closed is not None
    assert one.writer.closed[1] == "Subscriber for 1 already exists."


@pytest.mark.parametrize("query", ["subscription", "slow subscription", "slow query", "slow mutation"])
async def test_an_id_is_free_as_soon_as_its_operation_is_completed(query: str) -> None:
    one = await bench().ready()
    one.subscribe(query)
    await turns(one.executor.started.is_set)
    for _ in range(3):
        one.send(
            {"id": "1", "type": "complete"}, {"id": "1", "type": "subscribe", "payload": {"query": query}}
        )
    one.send({"id": "1", "type": "complete"})
    one.subscribe("query last")
    one.executor.go.set()
    await one.writer.until(lambda writer: len(writer.frames) == 2)
    await operations_ended()
    assert [frame.get("payload") for frame in one.writer.frames] == [{"data": "query last"}, None]
    assert all(live.stopped for live in one.executor.feeds)


@pytest.mark.parametrize("operation_id", ["constructor", "__proto__", "ж😀", "\u0000", " ", "x" * 50_000])
async def test_any_text_is_an_id(operation_id: str) -> None:
    one = await bench(max_unsent_bytes=1_000_000).ready()
    live = await one.feed(operation_id)
    live.outlet.next(b"{}")
    live.outlet.complete()
    one.subscribe("query", operation_id)
    await one.writer.until(lambda writer: len(writer.of(operation_id)) == 4)


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
async def test_a_fault_of_one_operation_harms_no_other(
    query: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = await bench().ready()
    other = await one.feed("other")
    with caplog.at_level(logging.ERROR):
        one.subscribe(query, "bad")
        await one.writer.until(lambda writer: writer.frames)
    (frame,) = one.writer.frames
    assert (frame["id"], frame["type"]) == ("bad", "error")
    (error,) = frame["payload"]
    assert error["extensions"]["code"] == code
    assert "secret" not in json.dumps(frame)
    if code == "INTERNAL":
        assert error["extensions"]["errorId"] in caplog.text
    other.outlet.next(b'{"data":1}')
    one.subscribe("query", "bad")
    await one.writer.until(lambda writer: len(writer.frames) == 4)
    assert one.writer.closed is None


async def test_a_feed_may_end_while_it_starts() -> None:
    one = await bench().ready()
    one.subscribe("ended subscription")
    await one.writer.until(lambda writer: writer.frames)
    await turns(lambda: one.executor.feeds and one.executor.feeds[0].stopped)
    assert one.writer.types() == ["complete"]


async def test_a_resume_that_fails_is_an_error_of_its_operation() -> None:
    one = await bench().ready()
    live = await one.feed()

    def fail() -> None:
        raise ZeroDivisionError

    live.on_resume = fail
    live.outlet.next(b'"' + b"x" * 5000 + b'"')
    assert not live.outlet.open
    one.pong()
    await one.writer.until(lambda writer: writer.types()[-1] == "error")
    assert live.stopped
    assert one.writer.closed is None


async def test_a_completed_query_is_cancelled_and_a_completed_mutation_runs_to_its_end() -> None:
    one = await bench().ready()
    one.subscribe("slow query", "q")
    one.subscribe("slow mutation", "m")
    await turns(lambda: len(one.executor.contexts) == 2)
    one.send({"id": "q", "type": "complete"}, {"id": "m", "type": "complete"})
    one.executor.go.set()
    await operations_ended()
    assert one.executor.finished == ["slow mutation"]
    assert one.writer.frames == []


async def test_feeds_and_running_operations_have_separate_limits() -> None:
    one = await bench(max_feeds=2, max_running_operations=2).ready()
    await one.feed("f1")
    await one.feed("f2")
    await operations_ended()
    for name in ("q1", "q2", "q3"):
        one.subscribe("slow query", name)
    one.subscribe("subscription", "f3")
    await one.writer.until(lambda writer: len(writer.frames) == 2)
    assert {frame["id"] for frame in one.writer.frames} == {"q3", "f3"}
    for frame in one.writer.frames:
        assert frame["type"] == "error"
        extensions = frame["payload"][0]["extensions"]
        assert extensions["code"] == "RATE_LIMITED"
        assert extensions["limit"] == 2
        assert extensions["retryAfterMs"] > 0
    one.send({"id": "f1", "type": "complete"})
    await one.feed("f3")
    one.executor.go.set()
    await operations_ended()
    one.subscribe("query", "q3")
    await turns(lambda: len(one.executor.finished) == 3)
    assert one.writer.closed is None


async def test_a_completed_mutation_that_still_runs_counts() -> None:
    one = await bench(max_running_operations=1).ready()
    one.subscribe("slow mutation", "m")
    await turns(one.executor.started.is_set)
    one.send({"id": "m", "type": "complete"})
    one.subscribe("query", "q")
    await one.writer.until(lambda writer: writer.frames)
    assert one.writer.frames[0]["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    one.executor.go.set()


async def test_too_many_subscribes_are_refused_and_the_socket_lives() -> None:
    one = await bench(max_frame_burst=3, max_frames_per_second=1).ready()
    for name in "abcde":
        one.subscribe("query", name)
    refusals = [frame for frame in one.writer.frames if frame["type"] == "error"]
    assert [frame["id"] for frame in refusals] == ["d", "e"]
    for frame in refusals:
        extensions = frame["payload"][0]["extensions"]
        assert extensions["code"] == "RATE_LIMITED"
        assert 0 < extensions["retryAfterMs"] <= 1000
    await one.writer.until(lambda writer: len(writer.of("c")) == 2)
    assert one.writer.closed is None


@pytest.mark.parametrize("frame", [{"type": "ping"}, {"type": "pong"}, {"id": "x", "type": "complete"}])
async def test_too_many_frames_without_an_operation_close_the_socket(frame: object) -> None:
    one = await bench(max_frame_burst=3, max_frames_per_second=1).ready()
    one.send(frame, frame, frame)
    assert one.writer.closed is None
    one.send(frame)
    assert one.writer.code == 4452


@pytest.mark.parametrize(
    ("frame", "code"),
    [("[]", 4400), ("null", 4400), ("{", 4400), ('{"type":"start"}', 4400), ("x" * 70_000, 1009)],
)
async def test_a_frame_without_an_operation_to_blame_closes_the_socket(frame: str, code: int) -> None:
    one = await bench().ready()
    live = await one.feed()
    one.subscribe("slow query", "q")
    one.send(frame, '{"type":"ping"}', "[]")
    assert one.writer.code == code
    assert live.stopped == 1
    await operations_ended()
    assert one.registry.admitted == []
    assert one.writer.frames == []


async def test_a_binary_frame_closes_4400() -> None:
    one = await bench().ready()
    one.socket.on_binary(b'{"type":"ping"}')
    one.socket.on_binary(b"")
    assert one.writer.code == 4400


async def test_an_unforeseen_exception_closes_4500_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    one = await bench().ready()
    live = await one.feed()

    def fail() -> None:
        raise ZeroDivisionError

    live.stop = fail  # type: ignore[method-assign]
    one.send({"id": "1", "type": "complete"})
    assert one.writer.closed is not None
    code, reason = one.writer.closed
    assert code == 4500
    assert reason.split()[-1].rstrip(".") in caplog.text


async def test_a_client_that_disconnects_leaves_nothing() -> None:
    before = asyncio.all_tasks()
    one = await bench().ready()
    live = await one.feed("f")
    one.subscribe("slow subscription", "s")
    one.subscribe("slow query", "q")
    one.socket.on_disconnect()
    one.socket.on_disconnect()
    one.socket.on_text("{}")
    await turns(lambda: asyncio.all_tasks() == before)
    assert live.stopped == 1
    assert one.registry.admitted == []
    assert one.writer.closed is None
    assert one.operation_ids == set()
