"""The npm package graphql-ws reacts to our close codes as the table in PROTOCOL.md says."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator

import pytest
from django.conf import LazySettings

from tests.js import Line, lines_of, start
from tests.live.conftest import Start
from tests.live.people import FEED, LOGOUT, Person, log_in, register, short_token
from tests.server import Server

# Long enough to get some events before it ends, on a busy machine too.
TOKEN_SECONDS = 6


class FollowingClient:
    """A running socket.mjs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin = process.stdin
        self._lines = lines_of(process.stdout)

    async def line(self) -> Line:
        return await anext(self._lines)

    async def answer(self, **answers: str) -> None:
        """Answer the client's next questions, in this order."""
        for wanted, answer in answers.items():
            assert await self.line() == {"wants": wanted}
            self._stdin.write(answer.encode() + b"\n")
            await self._stdin.drain()

    async def connect(self, server: Server, token: str) -> None:
        """Let the client connect; it must succeed."""
        await self.answer(url=server.socket, token=token)
        await self.expect_connected()

    async def expect_connected(self) -> None:
        """The client must report that it is connected."""
        assert await self.line() == {"connected": True}

    async def event(self) -> tuple[str, int]:
        """Return the type and seq of the next event."""
        line = await self.line()
        return line["event"]["__typename"], line["event"]["seq"]

    async def rest(self) -> list[Line]:
        """Return all lines up to its end."""
        return [line async for line in self._lines]


@contextlib.asynccontextmanager
async def following(chat_id: str) -> AsyncIterator[FollowingClient]:
    process = await start("socket.mjs", FEED, chat_id, stdin=subprocess.PIPE)
    try:
        yield FollowingClient(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def chat_of_two(server: Server) -> tuple[Person, Person, str]:
    ann, bob = await register(server), await register(server)
    return ann, bob, await ann.create_group(server, bob)


async def test_it_comes_back_with_a_new_token_after_expiry(strict: Server, settings: LazySettings) -> None:
    """4403, «retry: yes»; with `since` the feed goes on where it stopped."""
    ann, bob, chat_id = await chat_of_two(strict)
    async with following(chat_id) as client:
        await client.answer(url=strict.socket)  # the token's time begins when Node has started
        await client.answer(token=short_token(bob, TOKEN_SECONDS, settings))
        await client.expect_connected()
        assert await client.event() == ("FeedReady", 2)
        await ann.say(strict, chat_id, "before")
        assert await client.event() == ("MessagePosted", 3)
        assert await client.line() == {"closed": 4403}
        await ann.say(strict, chat_id, "meanwhile")
        await client.connect(strict, bob.token)
        assert await client.event() == ("FeedReady", 3)
        assert await client.event() == ("MessagePosted", 4)
        await ann.say(strict, chat_id, "after")
        assert await client.event() == ("MessagePosted", 5)


async def test_it_comes_back_with_another_login_after_a_logout(server: Server) -> None:
    ann, bob, chat_id = await chat_of_two(server)
    token, refresh_token = await log_in(server, bob)
    async with following(chat_id) as client:
        await client.connect(server, token)
        assert await client.event() == ("FeedReady", 2)
        await bob.ask(server, LOGOUT, token=refresh_token, everywhere=False)
        assert await client.line() == {"closed": 4403}
        await ann.say(server, chat_id, "meanwhile")
        await client.connect(server, (await log_in(server, bob))[0])
        assert await client.event() == ("FeedReady", 2)
        assert await client.event() == ("MessagePosted", 3)


async def test_it_gives_up_without_a_new_login(server: Server) -> None:
    _ann, bob, chat_id = await chat_of_two(server)
    token, refresh_token = await log_in(server, bob)
    async with following(chat_id) as client:
        await client.connect(server, token)
        assert await client.event() == ("FeedReady", 2)
        await bob.ask(server, LOGOUT, token=refresh_token, everywhere=False)
        for _ in range(3):  # its retryAttempts
            assert await client.line() == {"closed": 4403}
            await client.answer(url=server.socket, token=token)
        assert await client.rest() == [{"closed": 4403}, {"error": 4403}]


async def test_it_stays_closed_when_superseded(strict: Server) -> None:
    """1008, «retry: no»: otherwise two clients would supersede each other forever."""
    _ann, bob, chat_id = await chat_of_two(strict)
    async with following(chat_id) as client:
        await client.connect(strict, bob.token)
        assert await client.event() == ("FeedReady", 2)
        newer = [await bob.connect(strict) for _ in range(2)]
        assert await client.rest() == [{"closed": 1008}, {"error": 1008}]
        for one in newer:
            await one.ping()
            await one.close()


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_it_goes_on_elsewhere_after_a_restart(start: Start, daphne: Server, kind: str) -> None:
    """1012, «retry: yes»; it misses no message."""
    ann, bob, chat_id = await chat_of_two(daphne)
    async with following(chat_id) as client:
        with start(kind, DRAIN_SECONDS="0.1") as doomed:
            await client.connect(doomed, bob.token)
            assert await client.event() == ("FeedReady", 2)
            doomed.ask(signal.SIGTERM)
            assert await client.line() == {"closed": 1012}
            await doomed.ended()
        for number in range(3):
            await ann.say(daphne, chat_id, str(number))
        await client.connect(daphne, bob.token)
        assert await client.event() == ("FeedReady", 2)
        assert [(await client.event())[1] for _ in range(3)] == [3, 4, 5]


async def test_it_goes_on_after_the_connection_was_cut(start: Start, daphne: Server) -> None:
    """1006, which no server sends: the connection broke."""
    _ann, bob, chat_id = await chat_of_two(daphne)
    async with following(chat_id) as client:
        with start("daphne") as doomed:
            await client.connect(doomed, bob.token)
            assert await client.event() == ("FeedReady", 2)
            doomed.kill()
            assert await client.line() == {"closed": 1006}
        await client.connect(daphne, bob.token)
        assert await client.event() == ("FeedReady", 2)


async def test_an_error_ends_only_its_operation(server: Server) -> None:
    ann = await register(server)
    async with following("nonsense") as client:
        await client.connect(server, ann.token)
        line = await client.line()
        assert [error["extensions"]["code"] for error in line["error"]] == ["NOT_FOUND"]
