"""Flow control: what a socket may owe, who waits for it, and when its time is up."""

import asyncio
from collections import Counter
from collections.abc import Callable

from api.socket.flow_control import BURST_FRAMES
from tests.api.socket.fakes import Bench, FakeLive, bench, turns

# With these limits a ping goes out after each 1,000 bytes, and the window holds 4,000.
FRAME = b'"' + b"x" * 450 + b'"'


def fill(live: FakeLive) -> int:
    """Write durable payloads until the outlet closes; how many went out."""
    count = 0
    while live.outlet.open:
        live.outlet.next(FRAME)
        count += 1
        assert count < 1000
    return count


def pings(one: Bench) -> int:
    return sum(frame["type"] == "ping" for frame in one.wire.frames)


async def test_output_is_followed_by_pings() -> None:
    one = await bench().ready()
    live = await one.feed()
    live.outlet.next(FRAME)
    assert pings(one) == 0
    live.outlet.next(FRAME)
    live.outlet.next(FRAME)
    assert pings(one) == 1


async def test_a_socket_that_owes_more_than_its_window_is_closed_to_feeds() -> None:
    one = await bench().ready()
    live = await one.feed()
    assert 8 <= fill(live) <= 9
    assert pings(one) >= 3
    assert one.wire.closed is None


async def test_a_pong_reopens_and_resumes() -> None:
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
    owed = one.connection._outbox.owed
    one.send({"type": "pong", "payload": {"of": "something else"}})
    assert 900 < owed - one.connection._outbox.owed < 1600
    for _ in range(pings(one) - 1):
        one.pong()
    assert one.connection._outbox.owed < 1000


async def test_pongs_that_nobody_asked_for_pay_nothing() -> None:
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
        while not one.connection._outbox.open:
            one.pong()
        await turns(lambda: not one.connection._outbox.open)
    assert Counter(order[:6]) == {0: 2, 1: 2, 2: 2}


def resume_of(order: list[int], number: int, live: FakeLive) -> Callable[[], None]:
    def resume() -> None:
        order.append(number)
        fill(live)

    return resume


async def test_others_run_between_two_resumes() -> None:
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
    sent = len(one.wire.frames)
    for number in range(100):
        live.outlet.replace("typing", b'{"typing":%d}' % number)
        live.outlet.replace("presence", b'{"presence":%d}' % number)
        other.outlet.replace("typing", b'{"other":%d}' % number)
    assert len(one.wire.frames) == sent
    one.pong()
    await turns(lambda: len(one.wire.frames) >= sent + 3)
    assert [frame["payload"] for frame in one.wire.frames[sent:]] == [
        {"typing": 99},
        {"presence": 99},
        {"other": 99},
    ]


async def test_an_ephemeral_payload_never_overtakes_a_held_one() -> None:
    one = await bench().ready()
    live = await one.feed()
    fill(live)
    live.outlet.replace("k", b"1")
    while not one.connection._outbox.open:
        one.pong()
    live.outlet.replace("k", b"2")
    await turns(lambda: live.resumed)
    live.outlet.replace("k", b"3")
    values = [frame["payload"] for frame in one.wire.of("1") if isinstance(frame["payload"], int)]
    assert values == [2, 3]


async def test_what_is_held_is_bounded_too() -> None:
    one = await bench().ready()
    live = await one.feed()
    fill(live)
    for number in range(100):
        live.outlet.replace(number, FRAME)
    assert one.wire.code == 4450
    assert live.stopped


async def test_held_payloads_of_an_ended_operation_are_let_go() -> None:
    one = await bench().ready()
    filler = await one.feed("filler")
    fill(filler)
    for number in range(50):
        live = await one.feed("again")
        live.outlet.replace("k", FRAME)
        one.send({"id": "again", "type": "complete"})
        assert one.wire.closed is None, number
    assert one.connection._outbox._held == 0


async def test_answers_pass_while_feeds_wait() -> None:
    one = await bench().ready()
    live = await one.feed()
    fill(live)
    one.subscribe("query", "q")
    await one.wire.until(lambda wire: len(wire.of("q")) == 2)


async def test_a_socket_that_owes_its_bound_is_closed() -> None:
    one = await bench(max_unsent_bytes=8000).ready()
    live = await one.feed()
    for _ in range(30):
        live.outlet.next(FRAME)
    assert one.wire.code == 4450
    assert sum(len(str(frame)) for frame in one.wire.frames) < 8000 + 3000


async def test_a_pong_that_does_not_come_closes_the_socket() -> None:
    one = await bench(slow_consumer_seconds=0.02).ready()
    live = await one.feed()
    fill(live)
    assert (await one.wire.until_closed())[0] == 4450
    assert live.stopped


async def test_a_socket_that_pays_in_time_lives() -> None:
    one = await bench(slow_consumer_seconds=0.05).ready()
    live = await one.feed()
    fill(live)
    while not live.outlet.open:
        one.pong()
    await asyncio.sleep(0.1)
    assert one.wire.closed is None


async def test_a_backlog_of_the_server_closes_the_outlet_too() -> None:
    one = await bench().ready()
    live = await one.feed()
    one.wire.backlog = 5000
    assert not live.outlet.open
    one.wire.backlog = 0
    one.wire.drained()
    await turns(lambda: live.resumed)


async def test_a_client_that_answers_and_does_not_read_is_bounded() -> None:
    one = await bench().ready()
    live = await one.feed()
    one.wire.backlog = 20_001
    live.outlet.next(FRAME)
    one.pong()
    assert one.wire.code == 4450


async def test_memory_of_a_stalled_socket_does_not_grow_with_what_passes() -> None:
    one = await bench().ready()
    live = await one.feed()
    for number in range(100_000):
        if live.outlet.open:
            live.outlet.next(FRAME)
        live.outlet.replace(number % 3, b"%d" % number)
    assert len(one.wire.frames) < 30
    assert one.connection._outbox._held < 100
    assert one.wire.closed is None
