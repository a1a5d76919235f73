"""Body limits of requests that are not GraphQL: Django never gets more of a body than the limit."""

import asyncio

import pytest
from pytest_django import Settings

from api.http.asgi_messages import Message, Receive, Scope, Send, respond
from api.http.body_limits import with_body_limits
from tests.api.http.asgi import call

seen: list[int] = []


async def reading(_scope: Scope, receive: Receive, send: Send) -> None:
    """Read as Django does: the whole body first, and without an answer to a client that has left."""
    read = 0
    message: Message = {"more_body": True}
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        read += len(message["body"])
        seen.append(read)
    await respond(send, 200, (), b"%d" % read)


@pytest.fixture(autouse=True)
def _small_bodies(settings: Settings) -> None:
    settings.MAX_BODY_BYTES = 100
    seen.clear()


async def test_the_largest_body_passes() -> None:
    answer = await call(with_body_limits(reading), path="/auth/token/", chunks=[b"x" * 60, b"", b"x" * 40])
    assert (answer.status, answer.body) == (200, b"100")


async def test_a_larger_body_is_cut_off_and_refused() -> None:
    answer = await call(
        with_body_limits(reading), path="/auth/token/", chunks=[b"x" * 60, b"x" * 41, b"x" * 10**6]
    )
    assert answer.status == 413
    assert max(seen) == 60


@pytest.mark.parametrize(("declared", "status"), [("101", 413), ("9" * 30, 413), ("-1", 400)])
async def test_a_bad_content_length_is_refused_before_the_body_is_read(declared: str, status: int) -> None:
    answer = await call(
        with_body_limits(reading), path="/auth/token/", headers=[("content-length", declared)]
    )
    assert answer.status == status
    assert seen == []


async def test_a_body_that_takes_too_long_is_refused(settings: Settings) -> None:
    settings.BODY_TIMEOUT_SECONDS = 0.01
    answer = await call(with_body_limits(reading), path="/auth/token/", chunks=[b"x" * 60], ends=False)
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert seen == [60]


async def test_an_answer_may_take_longer_than_a_body(settings: Settings) -> None:
    """The message after the body is the client's disconnect, which may come at any time."""
    settings.BODY_TIMEOUT_SECONDS = 0.01

    async def slow(_scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == b"x"
        leaving = asyncio.ensure_future(receive())
        await asyncio.wait([leaving], timeout=0.1)
        assert not leaving.done()
        leaving.cancel()
        await respond(send, 200, (), b"slow")

    answer = await call(with_body_limits(slow), path="/auth/token/", chunks=[b"x"])
    assert (answer.status, answer.body) == (200, b"slow")
