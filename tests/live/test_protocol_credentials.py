"""PROTOCOL.md, section 2: credentials, over real handshakes with real tokens and tickets."""

import asyncio
import contextlib
import time
from typing import Any

import httpx
import pytest
import redis.asyncio

from tests.client import SocketClient, SocketClosedError, eventually
from tests.live.people import SECRETS, Json, Person, post, register
from tests.server import Server

TICKET = "mutation { createSocketTicket { ticket expiresAt chatIds } }"
WHO = "{ viewer { user { username } } }"


async def connect(server: Server, *, query: str = "", payload: Json | None = None, **options: Any) -> str:
    """Connect and return the viewer's username. Raises SocketClosedError."""
    async with await SocketClient.connect(server.socket + query, payload=payload, **options) as client:
        answer = await client.execute(WHO)
        return str(answer["data"]["viewer"]["user"]["username"])


async def ticket_of(server: Server, person: Person) -> str:
    ticket = (await person.ask(server, TICKET))["createSocketTicket"]["ticket"]
    SECRETS.add(ticket)
    return str(ticket)


async def refused(server: Server, **credentials: Any) -> None:
    with pytest.raises(SocketClosedError) as closed:
        await connect(server, **credentials)
    assert closed.value.code == 4403


async def test_a_cookie_is_no_credential(server: Server) -> None:
    """«Over HTTP the credential is `Authorization: Bearer <access token>` and nothing else; no cookie is ever read.»"""
    ann = await register(server)
    cookies = dict.fromkeys(("sessionid", "access", "Authorization", "token", "JWT"), ann.token)
    async with httpx.AsyncClient(timeout=20, cookies=cookies) as client:
        answer = await client.post(server.http, json={"query": WHO})
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    await refused(server, headers=headers)


async def test_a_bad_credential_over_http_is_answered_401(server: Server) -> None:
    """«A bad one is answered 401.»"""
    async with httpx.AsyncClient(timeout=20) as client:
        answer = await client.post(
            server.http, json={"query": WHO}, headers={"Authorization": "Bearer secret-x"}
        )
    assert answer.status_code == 401


@pytest.mark.parametrize("place", ["payload", "lower case", "payload ticket", "header", "JWT", "ticket"])
async def test_the_places_of_a_credential(server: Server, place: str) -> None:
    """«On the socket it stands in one of these places.»"""
    ann = await register(server)
    bearer = f"Bearer {ann.token}"
    ticket = await ticket_of(server, ann)
    places: dict[str, dict[str, Any]] = {
        "payload": {"payload": {"Authorization": bearer}},
        "lower case": {"payload": {"authorization": bearer}},
        "payload ticket": {"payload": {"ticket": ticket}},
        "header": {"headers": {"Authorization": bearer}},
        "JWT": {"query": f"?JWT={ann.token}"},
        "ticket": {"query": f"?ticket={ticket}"},
    }
    assert await connect(server, **places[place]) == ann.username


@pytest.mark.parametrize("payload", [None, {}, {"Authorization": None, "ticket": None, "other": 1}])
async def test_with_an_empty_payload_the_handshake_decides(server: Server, payload: Json | None) -> None:
    """«Its payload MAY be null or absent.»"""
    ann = await register(server)
    headers = {"Authorization": f"Bearer {ann.token}"}
    assert await connect(server, payload=payload, headers=headers) == ann.username
    async with await SocketClient.connect(server.socket, ack=False, headers=headers) as client:
        await client.send({"type": "connection_init", "payload": None})
        assert (await client.control.get())["type"] == "connection_ack"


@pytest.mark.parametrize("place", ["payload", "header", "query"])
async def test_the_first_place_decides(server: Server, place: str) -> None:
    """«The first place that carries any credential decides; one that fails never falls through to the next.»"""
    ann, bob = await register(server), await register(server)

    def credentials(token: str) -> dict[str, Any]:
        first: dict[str, Any] = {
            "payload": {"payload": {"Authorization": f"Bearer {token}"}},
            "header": {"headers": {"Authorization": f"Bearer {token}"}},
            "query": {"query": f"?JWT={token}"},
        }
        later = list(first)[list(first).index(place) + 1 :]
        others: dict[str, Any] = {
            "header": {"headers": {"Authorization": f"Bearer {bob.token}"}},
            "query": {"query": f"?JWT={bob.token}"},
        }
        made = dict(first[place])
        for name in later:
            made |= others[name]
        return made

    assert await connect(server, **credentials(ann.token)) == ann.username
    await refused(server, **credentials("secret-bad"))


async def test_a_token_in_the_query_decides_before_a_ticket(server: Server) -> None:
    ann, bob = await register(server), await register(server)
    ticket = await ticket_of(server, ann)
    assert await connect(server, query=f"?ticket={ticket}&JWT={bob.token}") == bob.username
    assert (
        await connect(server, query=f"?ticket={ticket}") == ann.username
    )  # the first socket did not use it up


async def test_without_any_credential_it_is_closed_4403(server: Server) -> None:
    """«A socket without any credential, or with a bad one, is closed with 4403.»"""
    await refused(server)
    await refused(server, payload={"ticket": "secret-none"})
    await refused(server, payload={"Authorization": "Basic secret"})
    await refused(server, query="?JWT=&ticket=")


async def test_a_refresh_token_is_no_credential(server: Server) -> None:
    """A refresh token is no access token, although its signature is valid."""
    login = "mutation ($u: String!, $p: String!) { login(username: $u, password: $p) { refreshToken } }"
    ann = await register(server)
    body = await post(server, login, {"u": ann.username, "p": ann.password})
    SECRETS.add(body["data"]["login"]["refreshToken"])
    await refused(server, payload={"Authorization": f"Bearer {body['data']['login']['refreshToken']}"})


@pytest.mark.parametrize("door", ["mutation", "GET", "POST"])
async def test_a_ticket_comes_with_its_expiry_and_all_chats(server: Server, door: str) -> None:
    """«answers with a ticket, its end, and the ids of all chats of the viewer»"""
    ann, bob = await register(server), await register(server)
    chats = {await ann.create_group(server) for _ in range(3)}
    await bob.create_group(server)
    if door == "mutation":
        ticket = (await ann.ask(server, TICKET))["createSocketTicket"]
    else:
        async with httpx.AsyncClient(timeout=20) as client:
            headers = {"Authorization": f"Bearer {ann.token}"}
            url = server.http.replace("/graphql/", "/auth/socket-ticket/")
            ticket = (await client.request(door, url, headers=headers)).json()
    SECRETS.add(ticket["ticket"])
    assert set(ticket["chatIds"]) == chats
    assert ticket["expiresAt"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    assert await connect(server, payload={"ticket": ticket["ticket"]}) == ann.username
    await refused(server, payload={"ticket": ticket["ticket"]})


async def test_of_many_sockets_with_one_ticket_one_succeeds(servers: dict[str, Server]) -> None:
    """«Of many sockets that use one at once, one succeeds.»"""
    ann = await register(servers["daphne"])
    ticket = await ticket_of(servers["daphne"], ann)
    kinds = [servers[name] for name in ("daphne", "uvicorn", "other daphne")]

    async def race(number: int) -> bool:
        with contextlib.suppress(SocketClosedError):
            return await connect(kinds[number % 3], query=f"?ticket={ticket}") == ann.username
        return False

    assert sum(await asyncio.gather(*(race(number) for number in range(30)))) == 1


async def test_a_ticket_ends(server: Server, environment: dict[str, str]) -> None:
    """«A ticket works once, for `SOCKET_TICKET_SECONDS` at most»: here Redis expires it early."""
    ann = await register(server)
    ticket = await ticket_of(server, ann)
    async with redis.asyncio.Redis.from_url(environment["REDIS_URL"]) as client:
        keys = [key async for key in client.scan_iter("*ticket*")]
        lives = [await client.ttl(key) for key in keys]
        assert keys
        assert max(lives) <= 60
        for key in keys:
            await client.pexpire(key, 1)

        async def gone() -> bool:
            return not await client.exists(*keys)

        await eventually(gone)
    await refused(server, payload={"ticket": ticket})
