"""The bounded queue of a streamed answer, and the framing of its results."""

import asyncio

import pytest

from api.http.framing import EventStream, Framing, Multipart
from api.http.stream_outlet import StreamOutlet

ERRORS: list[dict[str, object]] = [{"message": "no", "extensions": {"code": "GONE"}}]
WINDOW = 100


@pytest.fixture
def outlet() -> StreamOutlet:
    """An outlet that frames payloads as server-sent events."""
    return StreamOutlet(EventStream(), WINDOW)


def event(payload: bytes) -> bytes:
    return b"event: next\ndata: " + payload + b"\n\n"


async def test_payloads_leave_in_order_and_together(outlet: StreamOutlet) -> None:
    outlet.next(b"1")
    outlet.replace("key", b"2")
    outlet.next(b"3")
    assert await outlet.next_chunk() == event(b"1") + event(b"2") + event(b"3")


async def test_the_outlet_is_closed_until_the_full_window_was_sent(outlet: StreamOutlet) -> None:
    outlet.next(b"x" * WINDOW)
    assert not outlet.open
    await outlet.next_chunk()
    assert not outlet.open
    assert outlet.on_chunk_sent()
    assert outlet.open


async def test_a_chunk_that_never_closed_the_outlet_does_not_resume_the_feed(outlet: StreamOutlet) -> None:
    outlet.next(b"1")
    await outlet.next_chunk()
    assert not outlet.on_chunk_sent()


async def test_an_outlet_that_filled_up_again_does_not_resume_the_feed(outlet: StreamOutlet) -> None:
    outlet.next(b"x" * 60)
    await outlet.next_chunk()
    outlet.next(b"y" * WINDOW)
    assert not outlet.on_chunk_sent()
    await outlet.next_chunk()
    assert outlet.on_chunk_sent()


async def test_while_closed_only_the_latest_of_a_key_is_kept(outlet: StreamOutlet) -> None:
    outlet.next(b"x" * WINDOW)
    outlet.replace("ann", b"1")
    outlet.replace("bob", b"2")
    outlet.replace("ann", b"3")
    await outlet.next_chunk()
    outlet.on_chunk_sent()
    assert await outlet.next_chunk() == event(b"2") + event(b"3")


async def test_the_payloads_kept_while_closed_are_bounded(outlet: StreamOutlet) -> None:
    outlet.next(b"x" * WINDOW)
    for key in range(1000):
        outlet.replace(key, b"%03d" % key + b"." * 37)
    await outlet.next_chunk()
    outlet.on_chunk_sent()
    kept = await outlet.next_chunk()
    assert kept == event(b"998" + b"." * 37) + event(b"999" + b"." * 37)


async def test_next_chunk_waits_for_a_result(outlet: StreamOutlet) -> None:
    taking = asyncio.create_task(outlet.next_chunk())
    await asyncio.sleep(0)
    assert not taking.done()
    outlet.next(b"1")
    assert await taking == event(b"1")


async def test_nothing_follows_the_end(outlet: StreamOutlet) -> None:
    outlet.next(b"1")
    outlet.complete()
    outlet.next(b"2")
    outlet.fail(ERRORS)
    assert await outlet.next_chunk() == event(b"1") + b"event: complete\ndata:\n\n"
    assert await outlet.next_chunk() == b""


FAILURE = b'{"errors":[{"message":"no","extensions":{"code":"GONE"}}]}'
PART = b"\r\ncontent-type: application/json\r\n\r\n%b\r\n---"


@pytest.mark.parametrize(
    ("framing", "expected"),
    [
        (EventStream(), event(FAILURE) + b"event: complete\ndata:\n\n"),
        (Multipart(), PART % (b'{"payload":null,' + FAILURE[1:]) + b"--\r\n"),
    ],
)
async def test_a_failure_is_written_before_the_end(framing: Framing, expected: bytes) -> None:
    outlet = StreamOutlet(framing, WINDOW)
    outlet.fail(ERRORS)
    assert await outlet.next_chunk() == expected


def test_multipart_parts_end_with_the_boundary_that_follows() -> None:
    framing = Multipart()
    assert framing.opening == b"\r\n---"
    assert framing.result(b'{"data":1}') == PART % b'{"payload":{"data":1}}'
    assert framing.keep_alive == PART % b"{}"
    assert framing.refusal(ERRORS) == PART % (b'{"payload":' + FAILURE + b"}")
