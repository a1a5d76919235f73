"""Subscriptions over HTTP and persisted queries, with the real clients from npm."""

import pytest

from tests.js import client
from tests.live.people import Person, register
from tests.server import Server

FEED = """subscription {
  chatFeed(chatId: "%s") { __typename ... on MessagePosted { message { __typename text } } }
}"""
LOGIN = "mutation ($username: String!, $password: String!) { login(username: $username, password: $password) { %s } }"
LOGOUT = "mutation ($token: String!) { logout(refreshToken: $token) }"

READY = {"data": {"chatFeed": {"__typename": "FeedReady"}}}
COMPLETE = {"complete": True}


def posted(text: str) -> dict[str, object]:
    """Return the payload that a client gets of a message."""
    return {
        "data": {
            "chatFeed": {"__typename": "MessagePosted", "message": {"__typename": "Message", "text": text}}
        }
    }


async def log_in(server: Server, person: Person) -> tuple[str, str]:
    """Log in once more and return the access token and the refresh token."""
    variables = {"username": person.username, "password": person.password}
    tokens = (await person.ask(server, LOGIN % "accessToken refreshToken", **variables))["login"]
    return tokens["accessToken"], tokens["refreshToken"]


@pytest.mark.parametrize("kind", ["apollo", "sse"])
async def test_a_feed_over_http_ends_with_the_session(server: Server, kind: str) -> None:
    ann, bob = await register(server), await register(server)
    chat_id = await ann.create_group(server, bob)
    access_token, refresh_token = await log_in(server, bob)
    async with client(kind, server.http, FEED % chat_id, access_token) as lines:
        assert await anext(lines) == READY
        for text in ("Good day", "Über\n🏃 \u2028 ---"):
            await ann.say(server, chat_id, text)
            assert await anext(lines) == posted(text)
        await bob.ask(server, LOGOUT, token=refresh_token)
        assert await anext(lines) == {"error": "UNAUTHENTICATED"}
        assert [line async for line in lines] == [COMPLETE]


@pytest.mark.parametrize("kind", ["apollo", "sse"])
async def test_a_client_gets_the_refusal(server: Server, kind: str) -> None:
    ann, stranger = await register(server), await register(server)
    chat_id = await ann.create_group(server)
    async with client(kind, server.http, FEED % chat_id, stranger.token) as lines:
        assert [line async for line in lines] == [{"error": "NOT_FOUND"}, COMPLETE]


async def test_apollo_sends_a_document_once(server: Server) -> None:
    port = server.address.rpartition(":")[2]
    document = f"query OfPort{port} {{ __typename }}"  # no other server has it yet
    async with client("persisted", server.http, document) as lines:
        assert [line async for line in lines] == [
            {"sentQuery": False, "sentHash": True},
            {"sentQuery": True, "sentHash": True},
            {"data": {"__typename": "Query"}},
            {"sentQuery": False, "sentHash": True},
            {"data": {"__typename": "Query"}},
            COMPLETE,
        ]
