"""Flow control: how much a socket may owe, which feeds wait, and when the socket is closed."""

import asyncio
from collections import Counter
from collections.abc import Callable

from api.socket.flow_control import BURST_FRAMES
from tests.api.socket.fakes import LIMITS, Bench, FakeLive, bench, turns

# The limits: a ping goes out after each 1,000 bytes, and the window holds 4,000. A frame has about 490.
FRAME = b'"' + b"x" * 450 + b'"'


def fill(live: FakeLive) -> int:
    """Write durable payloads until the outlet closes; returns their number."""
    count = 0
    while live.outlet.open:
        live.outlet.next(FRAME)
        count += 1
        assert count < 1000
    return count


def pings(one: Bench) -> int:
    return sum(frame["type"] == "ping" for frame in one.writer.frames)


async def test_output_is_followed_by_pings() -> None:
    one = await bench().ready()
    live = await one.feed()
    live.outlet.next(FRAME)
    assert pings(one) == 0
    live.outlet.next(FRAME)
    live.outlet.next(FRAME)
    assert pings(one) == 1


async def test_feeds_wait_while_a_socket_owes_more_than_its_window() -> None:
    one = await bench().ready()
    live = await one.feed()
    assert 8 <= fill(live) <= 9
    assert pings(one) >= 3
    assert one.writer.closed is None


async def test_a_pong_opens_the_outlet_and_resumes_the_feed() -> None:
    one = await bench().ready()
    live = await one.feed()
    fill(live)
    assert live.resumed == 0
    one.pong()
    await turns(lambda: live.resumed)
    assert live.outlet.open
    assert live.resumed == 1


async def test_pongs_count_in_order_and_whatever_they_carry() -> None:
    one = await bench().ready()
    live = await one.feed()
    fill(live)
    one.send({"type": "pong", "payload": {"of": "something else"}})
    assert 2 <= fill(live) <= 3  # the oldest ping acknowledges the 1,000 to 1,500 bytes before it
    for _ in range(pings(one) - 1):
        one.pong()
    assert fill(live) >= 7  # less than 1,000 bytes came after the last ping


async def test_unsolicited_pongs_acknowledge_nothing() -> None:
    one = await bench().ready()
    live = await one.feed()
    for _ in range(50):
        one.pong()
    fill(live)
    assert not live.outlet.open


async def test_a_feed_waits_for_a_turn_of_the_loop_after_a_burst() -> None:
    one = await bench(send_window_bytes=1_000_000, max_unsent_bytes=1_000_000).ready()
    live = await one.feed()
    fill(live)
    for _ in range(3):
        await turns(lambda: live.resumed)
        live.resumed = 0
        assert fill(live) == BURST_FRAMES


async def test_a_feed_that_did_not_wait_is_not_resumed() -> None:
    one = await bench().ready()
    idle, busy = await one.feed("idle"), await one.feed("busy")
    fill(busy)
    one.pong()
    await turns(lambda: busy.resumed)
    assert idle.resumed == 0


async def test_feeds_resume_in_turn() -> None:
    one = await bench().ready()
    lives = [await one.feed(name) for name in "abc"]
    order: list[int] = []
    for number, live in enumerate(lives):
        live.on_resume = resume_of(order, number, live)
        fill(live)
        assert not live.outlet.open
    for _ in range(6):
        while not lives[0].outlet.open:
            one.pong()
        await turns(lambda: not lives[0].outlet.open)
    assert Counter(order[:6]) == {0: 2, 1: 2, 2: 2}


def resume_of(order: list[int], number: int, live: FakeLive) -> Callable[[], None]:
    def resume() -> None:
        order.append(number)
        fill(live)

    return resume


async def test_other_work_runs_between_two_resumes() -> None:
    one = await bench().ready()
    lives = [await one.feed(str(number)) for number in range(5)]
    seen: list[str] = []
    for live in lives:
        live.on_resume = lambda: seen.append("resume")
    fill(lives[0])
    for live in lives:
        assert not live.outlet.open
    one.pong()

    def between() -> None:
        if "resume" in seen:
            seen.append("other")
        if seen.count("resume") < 5:
            asyncio.get_running_loop().call_soon(between)

    between()
    await turns(lambda: seen.count("resume") == 5)
    assert seen.count("other") >= 4


async def test_ephemeral_payloads_collapse_to_the_latest_of_each_key() -> None:
    one = await bench().ready()
    live, other = await one.feed("1"), await one.feed("2")
    fill(live)
    sent = len(one.writer.frames)
    for number in range(100):
        live.outlet.replace("typing", b'{"typing":%d}' % number)
        live.outlet.replace("presence", b'{"presence":%d}' % number)
        other.outlet.replace("typing", b'{"other":%d}' % number)
    assert len(one.writer.frames) == sent
    one.pong()
    await turns(lambda: len(one.writer.frames) >= sent + 3)
    assert [frame["payload"] for frame in one.writer.frames[sent:]] == [
        {"typing": 99},
        {"presence": 99},
        {"other": 99},
    ]


async def test_an_ephemeral_payload_never_overtakes_a_withheld_one() -> None:
    one = await bench().ready()
    live = await one.feed()
    fill(live)
    live.outlet.replace("k", b"1")
    while not live.outlet.open:
        one.pong()
    live.outlet.replace("k", b"2")
    await turns(lambda: live.resumed)
    live.outlet.replace("k", b"3")
    values = [frame["payload"] for frame in one.writer.of("1") if isinstance(frame["payload"], int)]
    assert values == [2, 3]


async def test_withheld_payloads_are_bounded_too() -> None:
    one = await bench().ready()
    live = await one.feed()
    fill(live)
    for number in range(100):
        live.outlet.replace(number, FRAME)
    assert one.writer.code == 4450
    assert live.stopped


async def test_the_withheld_payloads_of_an_ended_operation_no_longer_count() -> None:
    one = await bench().ready()
    filler = await one.feed("filler")
    fill(filler)
    for number in range(50):
        live = await one.feed("again")
        live.outlet.replace("k", FRAME)
        one.send({"id": "again", "type": "complete"})
        assert one.writer.closed is None, number
    live = await one.feed("last")
    withheld = 0
    while one.writer.closed is None:
        live.outlet.replace(withheld, FRAME)
        withheld += 1
    assert withheld == LIMITS.send_window_bytes // len(FRAME) + 1


async def test_answers_go_out_while_feeds_wait() -> None:
    one = await bench().ready()
    live = await one.feed()
    fill(live)
    one.subscribe("query", "q")
    await one.writer.until(lambda writer: len(writer.of("q")) == 2)


async def test_a_socket_that_owes_more_than_the_limit_is_closed() -> None:
    one = await bench(max_unsent_bytes=8000).ready()
    live = await one.feed()
    for _ in range(30):
        live.outlet.next(FRAME)
    assert one.writer.code == 4450
    assert sum(len(str(frame)) for frame in one.writer.frames) < 8000 + 3000


async def test_a_missing_pong_closes_the_socket() -> None:
    one = await bench(slow_consumer_seconds=0.02).ready()
    live = await one.feed()
    fill(live)
    assert (await one.writer.until_closed())[0] == 4450
    assert live.stopped


async def test_a_client_that_answers_in_time_stays_open() -> None:
    one = await bench(slow_consumer_seconds=0.05).ready()
    live = await one.feed()
    fill(live)
    while not live.outlet.open:
        one.pong()
    await asyncio.sleep(0.1)
    assert one.writer.closed is None


async def test_a_backlog_in_the_server_program_closes_the_outlet_too() -> None:
    one = await bench().ready()
    live = await one.feed()
    one.writer.backlog = 5000
    assert not live.outlet.open
    one.writer.backlog = 0
    one.writer.drained()
    await turns(lambda: live.resumed)


async def test_a_client_that_answers_pings_but_does_not_read_is_closed() -> None:
    one = await bench().ready()
    live = await one.feed()
    one.writer.backlog = 20_001
    live.outlet.next(FRAME)
    one.pong()
    assert one.writer.code == 4450


async def test_the_memory_of_a_stalled_socket_does_not_grow_with_the_events() -> None:
    one = await bench().ready()
    live = await one.feed()
    for number in range(100_000):
        if live.outlet.open:
            live.outlet.next(FRAME)
        live.outlet.replace(number % 3, b"%d" % number)
    sent = len(one.writer.frames)
    assert sent < 30
    one.pong()
    await turns(lambda: live.resumed)
    assert [frame["payload"] for frame in one.writer.frames[sent:]] == [99_997, 99_998, 99_999]
    assert one.writer.closed is None
