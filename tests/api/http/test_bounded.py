"""Bodies of requests that are not GraphQL: Django never sees more of one than the bound."""

import pytest
from pytest_django import Settings

from api.http.bounded import bounded
from api.http.wire import Message, Receive, Scope, Send, respond
from tests.api.http.asgi import call

seen: list[int] = []


async def reading(_scope: Scope, receive: Receive, send: Send) -> None:
    """Reads as Django does: all of the body first, and no answer to a client that has left."""
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


async def test_the_largest_body_passes_whole() -> None:
    answer = await call(bounded(reading), path="/auth/token/", chunks=[b"x" * 60, b"", b"x" * 40])
    assert (answer.status, answer.body) == (200, b"100")


async def test_a_larger_one_is_cut_off_and_refused() -> None:
    answer = await call(bounded(reading), path="/auth/token/", chunks=[b"x" * 60, b"x" * 41, b"x" * 10**6])
    assert answer.status == 413
    assert max(seen) == 60


@pytest.mark.parametrize(("declared", "status"), [("101", 413), ("9" * 30, 413), ("-1", 400)])
async def test_a_declared_length_is_refused_unread(declared: str, status: int) -> None:
    answer = await call(bounded(reading), path="/auth/token/", headers=[("content-length", declared)])
    assert answer.status == status
    assert seen == []
