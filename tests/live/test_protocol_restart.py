"""PROTOCOL.md, «Restart»: a server that gets a signal notifies its clients, closes their sockets, and ends soon."""

import asyncio
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.client import SocketClient
from tests.live.conftest import Start
from tests.live.people import FEED, Person, register
from tests.server import Server

CONNECTION_FEED = (
    "subscription { connectionFeed { __typename ... on ConnectionNotice { reason reconnectAfterMs } } }"
)
DRAIN_SECONDS = 0.5


@pytest.fixture(params=["daphne", "uvicorn"])
def doomed(request: pytest.FixtureRequest, start: Start) -> Iterator[Server]:
    with start(request.param, DRAIN_SECONDS=str(DRAIN_SECONDS)) as server:
        yield server


async def connect(person: Person, server: Server) -> SocketClient:
    client = await person.connect(server)
    feed = await client.subscribe(CONNECTION_FEED, id="connection")
    assert (await feed.data())["connectionFeed"]["__typename"] == "ConnectionReady"
    return client


async def test_sockets_are_notified_and_closed_1012(doomed: Server) -> None:
    """«`ConnectionNotice(RESTARTING, reconnectAfterMs)` on `connectionFeed`, then 1012.»"""
    ann = await register(doomed)
    clients = [await connect(ann, doomed) for _ in range(4)]
    doomed.ask(signal.SIGTERM)
    for client in clients:
        assert await client.expect_close() == (1012, "The server restarts.")
        notice = client.frames[-1]["payload"]["data"]["connectionFeed"]
        assert notice["reason"] == "RESTARTING"
        assert 0 <= notice["reconnectAfterMs"] <= 1000
    await doomed.ended()


async def test_sockets_are_closed_one_after_the_other(start: Start, daphne: Server) -> None:
    """While the first sockets are closed, the last ones are still served."""
    ann = await register(daphne)
    with start("daphne", DRAIN_SECONDS="4") as doomed:
        clients = [await connect(ann, doomed) for _ in range(4)]
        doomed.ask(signal.SIGTERM)
        await asyncio.wait(
            [asyncio.create_task(client.expect_close()) for client in clients],
            return_when=asyncio.FIRST_COMPLETED,
        )
        served = [client for client in clients if client.close_code is None]
        assert served
        await served[-1].execute("{ __typename }")
        for client in clients:
            await client.expect_close()
        await doomed.ended()


async def test_a_client_resumes_elsewhere_with_since(doomed: Server, daphne: Server) -> None:
    ann, bob = await register(daphne), await register(daphne)
    chat_id = await ann.create_group(daphne, bob)
    client = await bob.connect(doomed)
    feed = await client.subscribe(FEED, {"chatId": chat_id})
    last = (await feed.data())["chatFeed"]["seq"]
    doomed.ask(signal.SIGTERM)
    await ann.say(daphne, chat_id, "meanwhile")
    await client.expect_close()
    async with await bob.connect(daphne) as client:
        feed = await client.subscribe(FEED, {"chatId": chat_id, "since": last})
        assert (await feed.data())["chatFeed"]["seq"] == last
        assert (await feed.data())["chatFeed"]["message"]["text"] == "meanwhile"
    await doomed.ended()


async def test_streams_over_http_end_with_gone(doomed: Server) -> None:
    """«A subscription over HTTP ends with an error of the code GONE.»"""
    ann = await register(doomed)
    chat_id = await ann.create_group(doomed)
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {ann.token}"}
    body = {"query": FEED, "variables": {"chatId": chat_id}}
    async with (
        httpx.AsyncClient(timeout=20) as http,
        http.stream("POST", doomed.http, json=body, headers=headers) as answer,
    ):
        lines = answer.aiter_lines()
        while "FeedReady" not in await anext(lines):
            pass
        doomed.ask(signal.SIGTERM)
        rest = "\n".join([line async for line in lines])
    assert '"code":"GONE"' in rest
    assert "event: complete" in rest
    await doomed.ended()


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_without_clients_it_ends_at_once(start: Start, kind: str) -> None:
    """Far sooner than DRAIN_SECONDS: `ended` waits for 10 s at most."""
    with start(kind, DRAIN_SECONDS="1000") as server:
        server.ask(signal.SIGINT)
        assert await server.ended() in (0, -signal.SIGINT)


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_running_mutations_are_finished(start: Start, daphne: Server, kind: str) -> None:
    """A mutation that came before the signal is carried out, answered or not."""
    ann = await register(daphne)
    chat_id = await ann.create_group(daphne)
    with start(kind, DRAIN_SECONDS="0.2") as doomed:
        client = await ann.connect(doomed)
        for number in range(10):
            await client.subscribe(
                "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { seq } }",
                {"input": {"chatId": chat_id, "text": str(number)}},
            )
        await client.ping()  # the server has accepted them all
        doomed.ask(signal.SIGTERM)
        await client.expect_close()
        await doomed.ended()
    chat = (await ann.ask(daphne, "query ($id: ID!) { chat(id: $id) { lastSeq } }", id=chat_id))["chat"]
    assert chat["lastSeq"] == 11
