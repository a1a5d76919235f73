"""PROTOCOL.md, section 3: the life of a socket, from its first frame to what ends it."""

import asyncio
import os
import subprocess
import sys
import time

import msgspec
import pytest
import redis.asyncio
from django.conf import LazySettings

from auth.tokens import read_access_token
from schema.ids import decode_id
from tests.client import Frame, SocketClient, SocketClosedError, SocketOperation
from tests.live.conftest import Start
from tests.live.people import LOGOUT, SECRETS, Person, log_in, post, register, short_token
from tests.server import ROOT, Server

CONNECTION_FEED = """subscription { connectionFeed {
  __typename
  ... on ConnectionReady { socket { id } }
  ... on TokenExpiring { expiresAt }
  ... on ConnectionNotice { reason reconnectAfterMs }
} }"""
RENEW = "mutation ($token: String!) { renewConnection(accessToken: $token) { id expiresAt } }"
SOCKETS = "{ viewer { sockets { id isCurrent } } }"
CLOSE = "mutation ($id: ID!) { closeSocket(id: $id) }"
CHANGE = """mutation ($old: String!, $new: String!) {
  changePassword(oldPassword: $old, newPassword: $new) { accessToken } }"""
WHO = "{ viewer { user { id username } } }"
SIGN_OUT_SECONDS = 1.0
# Long enough to connect and subscribe before the notice of its end, on a busy machine too.
TOKEN_SECONDS = 6


async def watched(client: SocketClient) -> tuple[SocketOperation, str]:
    """Subscribe to connectionFeed; return the feed and the socket's id."""
    feed = await client.subscribe(CONNECTION_FEED)
    ready = (await feed.data())["connectionFeed"]
    return feed, ready["socket"]["id"]


async def event(feed: SocketOperation) -> Frame:
    said: Frame = (await feed.data())["connectionFeed"]
    return said


async def test_without_an_init_it_is_closed_4408(strict: Server) -> None:
    """«The client MUST send `connection_init` within `CONNECTION_INIT_TIMEOUT_SECONDS`, else 4408.»"""
    client = await SocketClient.connect(strict.socket, ack=False)
    assert (await client.expect_close())[0] == 4408


async def test_the_expiry_of_the_token_is_announced_and_closes_it(
    strict: Server, settings: LazySettings
) -> None:
    """«`TOKEN_EXPIRY_NOTICE_SECONDS` before, the server sends a `ping` with the payload ..., and `TokenExpiring`»
    «Without a renewal the socket is closed with 4403 when the token ends.»"""
    ann = await register(strict)
    token = short_token(ann, TOKEN_SECONDS, settings)
    ends = read_access_token(token).expires_at
    client = await SocketClient.connect(strict.socket, token)
    feed, _ = await watched(client)
    said = await event(feed)
    assert said["__typename"] == "TokenExpiring"
    assert msgspec.convert(said["expiresAt"], type(ends), strict=False) == ends
    pings = [frame for frame in client.frames if frame["type"] == "ping" and "payload" in frame]
    assert pings == [
        {
            "type": "ping",
            "payload": {"reauthenticate": {"expiresAt": ends.isoformat().replace("+00:00", "Z")}},
        }
    ]
    assert (await event(feed))["reason"] == "SIGNED_OUT"
    code, reason = await client.expect_close()
    assert (code, "expired" in reason) == (4403, True)
    assert time.time() >= ends.timestamp()


async def test_a_renewal_moves_the_expiry(strict: Server, settings: LazySettings) -> None:
    """«The client SHOULD then send `mutation renewConnection(accessToken)` on this socket»."""
    ann = await register(strict)
    token = short_token(ann, TOKEN_SECONDS, settings)
    ends = read_access_token(token).expires_at.timestamp()
    async with await SocketClient.connect(strict.socket, token) as client:
        feed, socket_id = await watched(client)
        assert (await event(feed))["__typename"] == "TokenExpiring"
        answer = await client.execute(RENEW, {"token": ann.token})
        assert answer["data"]["renewConnection"]["id"] == socket_id
        while time.time() <= ends:
            await client.pings.get()  # one a second
        await client.execute(WHO)
        assert not feed.queue.frames


async def test_another_users_token_is_forbidden_and_changes_nothing(strict: Server) -> None:
    """«Another user's token is FORBIDDEN and changes nothing.»"""
    ann, bob = await register(strict), await register(strict)
    async with await ann.connect(strict) as client:
        answer = await client.execute(RENEW, {"token": bob.token})
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert (await client.execute(WHO))["data"]["viewer"]["user"]["username"] == ann.username
        answer = await client.execute(RENEW, {"token": "secret-none"})
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        await client.ping()


async def test_over_http_there_is_nothing_to_renew(strict: Server) -> None:
    ann = await register(strict)
    error = await ann.refusal(strict, RENEW, token=ann.token)
    assert error["extensions"]["code"] == "BAD_INPUT"


@pytest.mark.parametrize("how", ["logout", "everywhere", "password"])
async def test_a_sign_out_closes_sockets_everywhere(servers: dict[str, Server], how: str) -> None:
    """«When its session ends (logout, a changed password, a deactivated account), a socket is closed with 4403 within
    about a second, on whatever process it is.» «Its access tokens are refused from then on.»"""
    ann = await register(servers["daphne"])
    token, refresh_token = await log_in(servers["daphne"], ann)
    mine = [await SocketClient.connect(server.socket, token) for server in servers.values()]
    feeds = [(await watched(client))[0] for client in mine]
    others = await ann.connect(servers["uvicorn"])
    began = time.monotonic()
    if how == "password":
        variables = {"old": ann.password, "new": "another-secret-passphrase"}
        await ann.ask(servers["daphne"], CHANGE, **variables)
    else:
        await ann.ask(servers["daphne"], LOGOUT, token=refresh_token, everywhere=how == "everywhere")
    for client, feed in zip(mine, feeds, strict=True):
        assert (await event(feed))["reason"] == "SIGNED_OUT"
        assert await client.expect_close() == (4403, "Forbidden: signed out.")
    assert time.monotonic() - began < SIGN_OUT_SECONDS + 1  # a busy machine
    for server in servers.values():
        assert (await post(server, WHO, None, token))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        with pytest.raises(SocketClosedError) as refused:
            await SocketClient.connect(server.socket, token)
        assert refused.value.code == 4403
    if how == "logout":
        await others.ping()
        await others.close()
    else:
        assert (await others.expect_close())[0] == 4403


async def test_a_changed_password_spares_what_was_renewed(server: Server) -> None:
    """«`changePassword` answers with new tokens, and spares sockets that were opened or renewed with those.»"""
    ann = await register(server)
    token = (await ann.ask(server, CHANGE, old=ann.password, new="another-secret-passphrase"))[
        "changePassword"
    ]["accessToken"]
    SECRETS.add(token)
    async with await SocketClient.connect(server.socket, token) as client:
        assert (await client.execute(WHO))["data"]["viewer"]["user"]["username"] == ann.username


def deactivate(person: Person, environment: dict[str, str]) -> None:
    """Deactivate an account as an operator does, in a process that runs no event loop."""
    code = f"from auth.accounts import deactivate; deactivate({decode_id('User', person.id)})"
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True)


async def test_a_deactivated_account_is_closed_everywhere(
    servers: dict[str, Server], environment: dict[str, str]
) -> None:
    ann = await register(servers["daphne"])
    clients = [await ann.connect(server) for server in servers.values()]
    await asyncio.to_thread(deactivate, ann, environment)
    for client in clients:
        assert (await client.expect_close())[0] == 4403
    body = await post(servers["uvicorn"], WHO, None, ann.token)
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_lost_revocation_is_found(strict: Server, environment: dict[str, str]) -> None:
    """«a third of `SOCKET_LEASE_SECONDS` later should the word of it be lost»: here nobody publishes it."""
    ann, bob = await register(strict), await register(strict)
    client, other = await ann.connect(strict), await bob.connect(strict)
    session_id = read_access_token(ann.token).session_id
    async with redis.asyncio.Redis.from_url(environment["REDIS_URL"]) as client_of_redis:
        await client_of_redis.set(f"auth:deny:session:{session_id}", 1, ex=60)
    assert (await client.expect_close())[0] == 4403
    await other.ping()
    await other.close()


async def test_the_newest_socket_supersedes_the_oldest(strict_servers: dict[str, Server]) -> None:
    """«A user holds `SOCKETS_PER_USER` sockets at most. The newest supersedes the oldest, which gets
    `ConnectionNotice(SUPERSEDED)` on `connectionFeed` and is closed with 1008.»"""
    ann = await register(strict_servers["daphne"])
    for first, second in (("daphne", "uvicorn"), ("uvicorn", "daphne"), ("uvicorn", "uvicorn")):
        oldest = await ann.connect(strict_servers[first])
        feed, _ = await watched(oldest)
        newer = [await ann.connect(strict_servers[second]) for _ in range(2)]
        assert (await event(feed))["reason"] == "SUPERSEDED"
        assert await oldest.expect_close() == (1008, "Superseded by a newer socket.")
        for client in newer:
            await client.close()


async def test_one_socket_per_user(start: Start) -> None:
    """«With 1, every user has one socket.»"""
    with start("daphne", SOCKETS_PER_USER="1") as server:
        ann, bob = await register(server), await register(server)
        async with await bob.connect(server) as untouched:
            clients = [await ann.connect(server) for _ in range(5)]
            for client in clients[:-1]:
                assert (await client.expect_close())[0] == 1008
            sockets = (await clients[-1].execute(SOCKETS))["data"]["viewer"]["sockets"]
            assert [socket["isCurrent"] for socket in sockets] == [True]
            await untouched.ping()
            await clients[-1].close()


async def test_a_user_lists_and_closes_their_sockets_everywhere(servers: dict[str, Server]) -> None:
    """«`closeSocket` closes one of the viewer's sockets, wherever it is, with 1008.»"""
    ann, bob = await register(servers["daphne"]), await register(servers["daphne"])
    here, there = await ann.connect(servers["daphne"]), await ann.connect(servers["uvicorn"])
    feed, there_id = await watched(there)
    _, here_id = await watched(here)
    sockets = (await here.execute(SOCKETS))["data"]["viewer"]["sockets"]
    assert sockets == [{"id": there_id, "isCurrent": False}, {"id": here_id, "isCurrent": True}]
    assert (await bob.ask(servers["daphne"], CLOSE, id=there_id))["closeSocket"] is False
    assert (await here.execute(CLOSE, {"id": there_id}))["data"]["closeSocket"] is True
    assert (await event(feed))["reason"] == "SIGNED_OUT"
    assert await there.expect_close() == (1008, "Closed by its user.")
    assert (await here.execute(CLOSE, {"id": there_id}))["data"]["closeSocket"] is False
    await here.close()


async def test_the_server_pings(strict: Server) -> None:
    """«The server sends a `ping` every `KEEP_ALIVE_SECONDS`.»"""
    ann = await register(strict)
    async with await ann.connect(strict) as client:
        for _ in range(3):
            assert await client.pings.get() == {"type": "ping"}


async def test_a_silent_client_is_closed_4451(strict: Server) -> None:
    """«A client that sends nothing for two rounds is closed with 4451.»"""
    ann = await register(strict)
    client = await SocketClient.connect(strict.socket, ann.token, answer_pings=False)
    assert (await client.expect_close())[0] == 4451
    assert len(client.pings.frames) == 2


async def test_a_client_that_answers_stays_connected(strict: Server) -> None:
    """«Clients answer a `ping` with a `pong` ...; the payload of the `pong` is not looked at.»"""
    ann = await register(strict)
    client = await SocketClient.connect(strict.socket, ann.token, answer_pings=False)
    for number in range(4):
        await client.pings.get()
        await client.send({"type": "pong", "payload": {"any": number}})
    assert client.close_code is None
    await client.close()
