"""The bounded queue of a streamed answer, and how its results are framed."""

import asyncio

import pytest

from api.http.framing import EventStream, Framing, Multipart
from api.http.stream_outlet import StreamOutlet

ERRORS: list[dict[str, object]] = [{"message": "no", "extensions": {"code": "GONE"}}]
WINDOW = 100


@pytest.fixture
def outlet() -> StreamOutlet:
    """An outlet that shows payloads as server-sent events."""
    return StreamOutlet(EventStream(), WINDOW)


def event(payload: bytes) -> bytes:
    return b"event: next\ndata: " + payload + b"\n\n"


async def test_payloads_leave_in_order_and_together(outlet: StreamOutlet) -> None:
    outlet.next(b"1")
    outlet.replace("key", b"2")
    outlet.next(b"3")
    assert await outlet.take() == event(b"1") + event(b"2") + event(b"3")


async def test_it_is_closed_until_the_client_has_what_it_owes(outlet: StreamOutlet) -> None:
    outlet.next(b"x" * WINDOW)
    assert not outlet.open
    await outlet.take()
    assert not outlet.open
    assert outlet.taken()
    assert outlet.open


async def test_taking_what_left_it_open_does_not_resume(outlet: StreamOutlet) -> None:
    outlet.next(b"1")
    await outlet.take()
    assert not outlet.taken()


async def test_closed_again_while_writing_does_not_resume(outlet: StreamOutlet) -> None:
    outlet.next(b"x" * 60)
    await outlet.take()
    outlet.next(b"y" * WINDOW)
    assert not outlet.taken()
    await outlet.take()
    assert outlet.taken()


async def test_while_closed_only_the_latest_of_a_key_is_kept(outlet: StreamOutlet) -> None:
    outlet.next(b"x" * WINDOW)
    outlet.replace("ann", b"1")
    outlet.replace("bob", b"2")
    outlet.replace("ann", b"3")
    await outlet.take()
    outlet.taken()
    assert await outlet.take() == event(b"2") + event(b"3")


async def test_what_is_kept_while_closed_is_bounded(outlet: StreamOutlet) -> None:
    outlet.next(b"x" * WINDOW)
    for key in range(1000):
        outlet.replace(key, b"%03d" % key + b"." * 37)
    await outlet.take()
    outlet.taken()
    kept = await outlet.take()
    assert kept == event(b"998" + b"." * 37) + event(b"999" + b"." * 37)


async def test_take_waits_for_something(outlet: StreamOutlet) -> None:
    taking = asyncio.create_task(outlet.take())
    await asyncio.sleep(0)
    assert not taking.done()
    outlet.next(b"1")
    assert await taking == event(b"1")


async def test_nothing_follows_the_end(outlet: StreamOutlet) -> None:
    outlet.next(b"1")
    outlet.complete()
    outlet.next(b"2")
    outlet.fail(ERRORS)
    assert await outlet.take() == event(b"1") + b"event: complete\ndata:\n\n"
    assert await outlet.take() == b""


FAILURE = b'{"errors":[{"message":"no","extensions":{"code":"GONE"}}]}'
PART = b"\r\ncontent-type: application/json\r\n\r\n%b\r\n---"


@pytest.mark.parametrize(
    ("framing", "expected"),
    [
        (EventStream(), event(FAILURE) + b"event: complete\ndata:\n\n"),
        (Multipart(), PART % (b'{"payload":null,' + FAILURE[1:]) + b"--\r\n"),
    ],
)
async def test_a_failure_is_told_before_the_end(framing: Framing, expected: bytes) -> None:
    outlet = StreamOutlet(framing, WINDOW)
    outlet.fail(ERRORS)
    assert await outlet.take() == expected


def test_multipart_parts_end_with_the_boundary_that_follows() -> None:
    framing = Multipart()
    assert framing.opening == b"\r\n---"
    assert framing.result(b'{"data":1}') == PART % b'{"payload":{"data":1}}'
    assert framing.keep_alive == PART % b"{}"
    assert framing.refusal(ERRORS) == PART % (b'{"payload":' + FAILURE + b"}")
