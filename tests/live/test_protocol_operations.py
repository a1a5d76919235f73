"""PROTOCOL.md, sections 4 and 6: operations side by side on one socket, and its flow control."""

import asyncio
import contextlib
import json
from collections.abc import Iterator

import pytest

from tests.client import Frame, SocketClient, SocketClosedError, SocketOperation
from tests.live.conftest import Start
from tests.live.people import FEED, SEND, Person, register
from tests.server import Server

WHO = "{ viewer { user { username } } }"
CONNECTION_FEED = "subscription { connectionFeed { __typename ... on ConnectionNotice { reason } } }"
TWICE = "subscription { a: connectionFeed { __typename } b: connectionFeed { __typename } }"
DEEP = "{ chats { edges { node { %s } } } }"
for _ in range(3):
    DEEP %= "messages { edges { node { chat { %s } } } }"
UNKNOWN_HASH = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}


async def follow(client: SocketClient, chat_id: str) -> SocketOperation:
    feed = await client.subscribe(FEED, {"chatId": chat_id})
    assert (await feed.data())["chatFeed"]["__typename"] == "FeedReady"
    return feed


async def seq(feed: SocketOperation) -> int:
    return int((await feed.data())["chatFeed"]["seq"])


FAULTS = [
    ("syntax", {"query": "{"}, "BAD_INPUT"),
    ("validation", {"query": "{ nothing }"}, "BAD_INPUT"),
    ("subscription validation", {"query": "subscription { nothing }"}, "BAD_INPUT"),
    ("unknown operationName", {"query": "query A { __typename }", "operationName": "B"}, "BAD_INPUT"),
    ("ambiguous", {"query": "query A { __typename } query B { __typename }"}, "BAD_INPUT"),
    ("two subscribed fields", {"query": TWICE}, "BAD_INPUT"),
    ("no variables", {"query": FEED}, "BAD_INPUT"),
    ("wrong variables", {"query": FEED, "variables": {"chatId": [1]}}, "BAD_INPUT"),
    ("no such chat", {"query": FEED, "variables": {"chatId": "x"}}, "NOT_FOUND"),
    ("too deep", {"query": DEEP % "id"}, "TOO_COMPLEX"),
    ("failing resolver", {"query": SEND, "variables": {"input": {"chatId": "x", "text": "x"}}}, "NOT_FOUND"),
    ("unknown hash", {"extensions": UNKNOWN_HASH}, "PERSISTED_QUERY_NOT_FOUND"),
]  # fmt: skip


async def test_queries_and_mutations_run_over_the_socket(server: Server) -> None:
    """«Queries and mutations run over the socket as well.»"""
    ann = await register(server)
    chat_id = await ann.create_group(server)
    async with await ann.connect(server) as client:
        sent = await client.execute(SEND, {"input": {"chatId": chat_id, "text": "over the socket"}})
        assert sent["data"]["sendMessage"]["text"] == "over the socket"
        assert (await client.execute(WHO))["data"]["viewer"]["user"]["username"] == ann.username


@pytest.mark.parametrize(("payload", "code"), [case[1:] for case in FAULTS], ids=[c[0] for c in FAULTS])
async def test_a_fault_is_an_error_of_its_operation(server: Server, payload: Frame, code: str) -> None:
    """«An operation's own fault ... never closes the socket and never touches other operations.»"""
    ann = await register(server)
    chat_id = await ann.create_group(server)
    async with await ann.connect(server) as client:
        feed = await follow(client, chat_id)
        faulty = client.expect("constructor")
        await client.send({"id": faulty.id, "type": "subscribe", "payload": payload})
        frame = await faulty.frame()
        errors = frame["payload"] if frame["type"] == "error" else frame["payload"]["errors"]
        assert {error["extensions"]["code"] for error in errors} == {code}
        assert all(error["message"] for error in errors)
        if frame["type"] == "next":
            await faulty.completed()
        await ann.say(server, chat_id, "goes on")
        assert await seq(feed) == 2
        again = await client.subscribe(WHO, id=faulty.id)  # its id is free
        await again.data()
        await again.completed()


@pytest.mark.parametrize("operation_id", ["", None, 1, ["1"]])
async def test_an_invalid_id_is_closed_4400(server: Server, operation_id: object) -> None:
    """«An id is any non-empty string.»"""
    ann = await register(server)
    client = await ann.connect(server)
    await client.send({"id": operation_id, "type": "subscribe", "payload": {"query": WHO}})
    assert (await client.expect_close())[0] == 4400


@pytest.mark.parametrize("operation_id", ["__proto__", "ж😀", " ", "x" * 5000, '"\\\u2028\n'])
async def test_any_text_is_an_id(server: Server, operation_id: str) -> None:
    ann = await register(server)
    async with await ann.connect(server) as client:
        operation = await client.subscribe(WHO, id=operation_id)
        await operation.data()
        await operation.completed()


async def test_an_id_is_free_at_once_even_when_frames_are_pipelined(server: Server) -> None:
    """«It is free again as soon as its operation has ended or was completed»."""
    ann = await register(server)
    chat_id = await ann.create_group(server)
    async with await ann.connect(server) as client:
        operation = client.expect("1")
        subscribe = {
            "id": "1",
            "type": "subscribe",
            "payload": {"query": FEED, "variables": {"chatId": chat_id}},
        }
        frames = [subscribe, {"id": "1", "type": "complete"}] * 20 + [subscribe]
        for frame in frames:
            await client.send(frame)
        await client.ping()
        await ann.say(server, chat_id, "once")
        seen = [await seq(operation)]
        while seen[-1] != 2:
            seen.append(await seq(operation))
        assert seen[:-1] == [1] * (len(seen) - 1)  # FeedReady of the operations that got that far
        await client.ping()
        assert not operation.queue.frames


async def test_a_running_id_used_again_is_closed_4409(server: Server) -> None:
    """«the id of a running operation used again closes the socket with 4409»"""
    ann = await register(server)
    chat_id = await ann.create_group(server)
    client = await ann.connect(server)
    feed = await follow(client, chat_id)
    await client.subscribe(WHO, id=feed.id)
    assert await client.expect_close() == (4409, f"Subscriber for {feed.id} already exists.")


async def test_feeds_beyond_the_bound_are_refused(strict: Server) -> None:
    """«A socket runs `MAX_FEEDS_PER_SOCKET` subscriptions» «beyond a bound is refused with RATE_LIMITED»"""
    ann = await register(strict)
    chat_id = await ann.create_group(strict)
    async with await ann.connect(strict) as client:
        first, second = await follow(client, chat_id), await follow(client, chat_id)
        (error,) = await (await client.subscribe(FEED, {"chatId": chat_id})).errors()
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert error["extensions"]["limit"] == 2
        assert error["extensions"]["retryAfterMs"] > 0
        await first.complete()
        third = await follow(client, chat_id)
        await ann.say(strict, chat_id, "to both")
        assert (await seq(second), await seq(third)) == (2, 2)


async def test_operations_beyond_the_other_bounds_are_refused(strict: Server) -> None:
    """«and `MAX_RUNNING_OPERATIONS_PER_SOCKET` queries and mutations at once, and sends `MAX_FRAMES_PER_SECOND` frames
    in the long run (`MAX_FRAME_BURST` at once)»"""
    ann = await register(strict)
    async with await ann.connect(strict) as client:
        operations = [await client.subscribe("{ __typename }") for _ in range(250)]
        answered, too_many_at_once, too_fast = 0, 0, 0
        for operation in operations:
            frame = await operation.frame()
            if frame["type"] == "next":
                answered += 1
                await operation.completed()
                continue
            (error,) = frame["payload"]
            assert error["extensions"]["code"] == "RATE_LIMITED"
            assert error["extensions"]["retryAfterMs"] > 0
            if "limit" in error["extensions"]:
                too_many_at_once += 1
            else:
                too_fast += 1
        assert answered >= 20
        assert answered + too_many_at_once >= 100
        assert too_fast >= 100  # of the other 150; for some of them there may be room again by then


async def test_a_flood_of_other_frames_is_closed_4452(strict: Server) -> None:
    """«Other frames beyond `MAX_FRAMES_PER_SECOND` close it with 4452»"""
    ann = await register(strict)
    client = await ann.connect(strict)
    for _ in range(250):
        await client.send({"type": "ping"})
    assert (await client.expect_close())[0] == 4452


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("[]", 4400),
        ("null", 4400),
        ('{"type":"next"}', 4400),
        (b"{}", 4400),
        ('"' + "x" * 10_001 + '"', 1009),
    ],
    ids=["list", "null", "of the server", "binary", "too large"],
)
async def test_a_malformed_frame_closes_the_socket(strict: Server, frame: str | bytes, code: int) -> None:
    """«A frame that is not a message of the protocol closes the socket with 4400; one above `MAX_FRAME_BYTES` with
    1009»"""
    ann = await register(strict)
    client = await ann.connect(strict)
    await client.send_raw(frame)
    assert (await client.expect_close())[0] == code


async def say(server: Server, ann: Person, chat_id: str, count: int) -> None:
    for number in range(count):
        await ann.say(server, chat_id, f"{number} {'x' * 400}")


@pytest.fixture(params=["daphne", "uvicorn"])
def narrow(request: pytest.FixtureRequest, start: Start) -> Iterator[Server]:
    """A server with a small window, which closes no slow client while a test lasts."""
    with start(request.param, FLOW_PING_BYTES="2000", SEND_WINDOW_BYTES="4000") as server:
        yield server


async def test_a_socket_that_owes_gets_no_more_until_it_answers(narrow: Server) -> None:
    """«the server sends a `ping` after every `FLOW_PING_BYTES` of output» «A socket that owes more than
    `SEND_WINDOW_BYTES` gets no more durable events until it answers; then it gets what it missed, in order.»"""
    ann, bob = await register(narrow), await register(narrow)
    chat_id = await ann.create_group(narrow, bob)
    async with await ann.connect(narrow) as reader:
        client = await SocketClient.connect(narrow.socket, bob.token, answer_pings=False)
        feed, read = await follow(client, chat_id), await follow(reader, chat_id)
        await say(narrow, ann, chat_id, 16)
        assert [await seq(read) for _ in range(16)] == list(range(3, 19))
        await client.ping()  # the answer passes although durable events wait
        held_back = len(feed.queue.frames)
        assert 4000 / 600 <= held_back < 16
        assert json.dumps(list(feed.queue.frames)).count("next") == held_back
        client.answer_pings = True
        for _ in range(len(client.pings.frames)):
            await client.send({"type": "pong"})
        assert [await seq(feed) for _ in range(16)] == list(range(3, 19))
        await client.close()


async def talk(client: SocketClient) -> None:
    """Ping often enough never to be closed for silence."""
    with contextlib.suppress(SocketClosedError):
        while True:
            await client.ping()
            await asyncio.sleep(0.2)


async def test_a_client_that_does_not_answer_is_closed_4450_and_resumes(strict: Server) -> None:
    """«A client that lets them pass ... is closed with 4450, connects again and resumes with `since`.»"""
    ann, bob = await register(strict), await register(strict)
    chat_id = await ann.create_group(strict, bob)
    client = await SocketClient.connect(strict.socket, bob.token, answer_pings=False)
    notices = await client.subscribe(CONNECTION_FEED)
    feed = await follow(client, chat_id)
    talking = asyncio.create_task(talk(client))
    await say(strict, ann, chat_id, 16)
    assert (await client.expect_close())[0] == 4450
    await talking
    assert notices.queue.frames[-1]["payload"]["data"]["connectionFeed"]["reason"] == "SLOW_CONSUMER"
    last = feed.queue.frames[-1]["payload"]["data"]["chatFeed"]["seq"]
    assert last < 18
    async with await bob.connect(strict) as client:
        feed = await client.subscribe(FEED, {"chatId": chat_id, "since": last})
        assert [await seq(feed) for _ in range(19 - last)] == list(range(last, 19))


TYPES = "__schema { types { name description fields { name description args { name } type { name kind } } } }"


async def test_a_large_result_does_not_delay_another_socket(server: Server) -> None:
    """Pings are answered while another socket's query, which never yields, is executed."""
    ann = await register(server)
    large = "{ " + " ".join(f"part{number}: {TYPES}" for number in range(20)) + " }"
    async with await ann.connect(server) as busy, await ann.connect(server) as other:
        operation = await busy.subscribe(large)
        pongs = 0
        while not operation.queue.frames and pongs < 50:
            await other.ping()
            pongs += 1
        assert len((await operation.data())["part0"]["types"]) > 50
        assert pongs >= 5  # one or two if the query ran on the loop itself
