"""From the handshake to the acknowledgement: «Connection initialisation», credentials, pings before it."""

import asyncio
import json

import pytest
from django.conf import LazySettings

from api.socket.client_socket import ClientSocket
from api.socket.credentials import Handshake, find_credential
from foundation.errors import ParlorError
from tests.api.socket.fakes import Bench, bench, turns

GOOD = {"type": "connection_init", "payload": {"Authorization": "Bearer good"}}


async def test_another_subprotocol_closes_4406() -> None:
    one = bench()
    other = ClientSocket(one.writer, one.dependencies, Handshake())
    other.on_accept("graphql-ws")
    assert one.writer.code == 4406


async def test_init_is_acknowledged() -> None:
    one = await bench().ready()
    assert one.registry.admitted == [one.socket]
    assert one.writer.closed is None


async def test_a_missing_init_closes_4408() -> None:
    assert (await bench(connection_init_timeout_seconds=0.01).writer.until_closed())[0] == 4408


async def test_init_in_time_is_no_timeout() -> None:
    one = bench(connection_init_timeout_seconds=0.05)
    await one.ready()
    await asyncio.sleep(0.1)
    assert one.writer.closed is None


@pytest.mark.parametrize("before", ["waiting", "checking", "ready"])
async def test_a_subscribe_before_the_acknowledgement_closes_4401(before: str) -> None:
    one = bench()
    if before == "checking":
        one.send(GOOD)
    if before == "ready":
        await one.ready()
    one.subscribe("query")
    assert one.writer.code == (None if before == "ready" else 4401)


@pytest.mark.parametrize("before", ["checking", "ready"])
async def test_a_second_init_closes_4429(before: str) -> None:
    one = bench()
    if before == "checking":
        one.send(GOOD)
    else:
        await one.ready()
    one.send(GOOD)
    assert one.writer.code == 4429


async def test_pings_are_answered_before_init() -> None:
    one = bench()
    one.send({"type": "ping", "payload": {"a": 1}}, {"type": "pong"})
    assert one.writer.frames == [{"type": "pong", "payload": {"a": 1}}]


async def test_a_complete_before_init_is_ignored() -> None:
    one = bench()
    one.send({"id": "1", "type": "complete"})
    assert one.writer.closed is None


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"Authorization": None},
        {"Authorization": ""},
        {"Authorization": 42},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "good"},
        {"Authorization": "Basic good"},
        {"Authorization": "Bearer bad"},
        {"Authorization": "Bearer broken"},
        {"ticket": "used"},
        {"ticket": 1},
        {"ticket": ""},
        {"token": "good"},
    ],
)
async def test_bad_credentials_close_4403(payload: object) -> None:
    one = bench()
    one.send({"type": "connection_init", "payload": payload})
    code, reason = await one.writer.until_closed()
    assert code == 4403
    assert reason.startswith("Forbidden")
    assert "secret" not in reason
    assert one.registry.admitted == []


async def test_a_check_that_never_ends_closes_1013() -> None:
    one = bench(connection_init_timeout_seconds=0.01)
    one.send({"type": "connection_init", "payload": {"Authorization": "Bearer stuck"}})
    assert (await one.writer.until_closed())[0] == 1013


async def test_a_registry_that_fails_closes_4500() -> None:
    one = bench()
    one.registry.broken = True
    one.send(GOOD)
    assert (await one.writer.until_closed())[0] == 4500


async def test_a_socket_that_disconnects_during_the_check_is_never_admitted() -> None:
    one = bench()
    one.authenticator.go.clear()
    one.send(GOOD)
    await turns(lambda: one.authenticator.seen)
    one.socket.on_disconnect()
    one.authenticator.go.set()
    await asyncio.sleep(0.01)
    assert one.registry.admitted == []
    assert one.writer.frames == []


async def test_a_revocation_during_the_check_is_not_missed() -> None:
    one = bench()
    one.authenticator.revoked = True
    one.send(GOOD)
    assert (await one.writer.until_closed())[0] == 4403


FULL = Handshake(authorization="Bearer header", query_token="query", query_ticket="query-ticket")


@pytest.mark.parametrize(
    ("payload", "handshake", "expected"),
    [
        ({"Authorization": "Bearer init", "ticket": "tt"}, FULL, ("token", "init")),
        ({"authorization": "bearer init"}, FULL, ("token", "init")),
        ({"ticket": "t-1"}, FULL, ("ticket", "t-1")),
        ({"other": 1}, FULL, ("token", "header")),
        (None, FULL, ("token", "header")),
        (None, Handshake(query_token="query", query_ticket="t"), ("token", "query")),
        (None, Handshake(query_ticket="t-1"), ("ticket", "t-1")),
    ],
)
def test_the_first_place_that_holds_a_credential_decides(
    payload: dict[str, object] | None, handshake: Handshake, expected: tuple[str, str]
) -> None:
    found = find_credential(payload, handshake)
    assert (found.kind, found.secret) == expected
    assert found.secret not in repr(found)


@pytest.mark.parametrize(
    ("payload", "handshake"),
    [
        ({"Authorization": "nonsense"}, FULL),
        ({"Authorization": "", "ticket": "tt"}, FULL),
        ({"ticket": 5}, FULL),
        (None, Handshake(authorization="Basic eDp5", query_token="query")),
        (None, Handshake(query_token="", query_ticket="t")),
    ],
)
def test_a_bad_credential_is_not_replaced_by_that_of_a_later_place(
    payload: dict[str, object] | None, handshake: Handshake
) -> None:
    with pytest.raises(ParlorError):
        find_credential(payload, handshake)


async def test_a_bad_credential_of_init_is_not_replaced_by_that_of_the_handshake() -> None:
    one = bench(Handshake(authorization="Bearer good", query_token="good"))
    one.send({"type": "connection_init", "payload": {"Authorization": "Bearer bad"}})
    assert (await one.writer.until_closed())[0] == 4403
    assert one.authenticator.seen == [("token", "bad")]


@pytest.mark.parametrize(
    "handshake",
    [
        Handshake(authorization="Bearer good"),
        Handshake(query_token="good"),
        Handshake(query_ticket="ticket"),
    ],
    ids=["header", "query token", "query ticket"],
)
async def test_the_handshake_may_hold_the_credential(handshake: Handshake) -> None:
    one: Bench = bench(handshake)
    one.send({"type": "connection_init"})
    await one.writer.until(lambda writer: writer.frames)
    assert one.writer.frames == [{"type": "connection_ack"}]


def test_the_handshake_is_read_from_an_asgi_scope() -> None:
    headers = [(b"Authorization", b"Bearer h"), (b"user-agent", b"phone"), (b"host", b"x")]
    read = Handshake.read(headers, b"JWT=a%20b&ticket=&JWT=second&x=%ff", "10.0.0.1")
    assert read.authorization == "Bearer h"
    assert (read.query_token, read.query_ticket) == ("a b", "")
    assert (read.device, read.client_address) == ("phone", "10.0.0.1")
    assert "Bearer" not in repr(read)


def test_the_context_of_an_operation_names_its_client() -> None:
    async def run() -> None:
        one = await bench(Handshake(client_address="10.0.0.1", device="phone")).ready()
        one.subscribe("query")
        await one.writer.until(lambda writer: len(writer.frames) == 2)
        context = one.executor.contexts[0]
        assert context.identity == one.authenticator.identity
        assert context.socket is one.socket
        assert (context.client_address, context.device) == ("10.0.0.1", "phone")

    asyncio.run(run())


def test_reasons_are_cut_between_characters() -> None:
    async def run() -> None:
        one = await bench().ready()
        one.subscribe("slow query", "ж" * 200)
        one.subscribe("slow query", "ж" * 200)
        assert one.writer.closed is not None
        code, reason = one.writer.closed
        assert code == 4409
        assert reason.startswith("Subscriber for жж")
        assert 121 <= len(reason.encode()) <= 123
        json.dumps(reason)

    asyncio.run(run())


def test_behind_a_trusted_proxy_the_address_is_that_of_the_client(settings: LazySettings) -> None:
    headers = [(b"X-Forwarded-For", b"203.0.113.9"), (b"x-forwarded-for", b"198.51.100.7")]
    assert Handshake.read(headers, b"", "10.0.0.1").client_address == "10.0.0.1"
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert Handshake.read(headers, b"", "10.0.0.1").client_address == "198.51.100.7"
    assert Handshake.read([], b"", None).client_address is None
