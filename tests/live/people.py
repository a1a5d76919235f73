"""Registers users on running servers, new ones for each test, and collects the secrets that no log may hold."""

import itertools
import secrets
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import LazySettings

from auth.tokens import new_access_token, read_access_token
from tests.client import SocketClient
from tests.server import Server

Json = dict[str, Any]

SECRETS: set[str] = set()
TIMEOUT_SECONDS = 30

_numbers = itertools.count(1)

REGISTER = """mutation ($input: RegisterInput!) {
  register(input: $input) { accessToken refreshToken user { id username } }
}"""
LOGIN = """mutation ($username: String!, $password: String!) {
  login(username: $username, password: $password) { accessToken refreshToken } }"""
LOGOUT = "mutation ($token: String!, $everywhere: Boolean!) { logout(refreshToken: $token, everywhere: $everywhere) }"
CREATE_GROUP = "mutation ($input: CreateGroupChatInput!) { createGroupChat(input: $input) { id lastSeq } }"
SEND = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id seq text clientId } }"
FEED = """subscription ($chatId: ID!, $since: Int) {
  chatFeed(chatId: $chatId, since: $since) {
    __typename
    ... on FeedReady { seq replayed }
    ... on FeedReset { seq reason }
    ... on ChatEvent { seq }
    ... on MessagePosted { message { id text sender { username } } }
  }
}"""


async def post(server: Server, query: str, variables: Json | None = None, token: str | None = None) -> Json:
    """Return the response's body, whatever its status."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, verify=False) as client:
        answer = await client.post(
            server.http, json={"query": query, "variables": variables}, headers=headers
        )
    body: Json = answer.json()
    return body


@dataclass(frozen=True, slots=True)
class Person:
    """A user who is logged in."""

    id: str
    username: str
    password: str
    token: str

    async def ask(self, server: Server, query: str, **variables: object) -> Json:
        """Return `data` of a query or mutation over HTTP, which must have no errors."""
        body = await post(server, query, variables, self.token)
        assert "errors" not in body, body
        data: Json = body["data"]
        return data

    async def refusal(self, server: Server, query: str, **variables: object) -> Json:
        """Return the only error of a query or mutation over HTTP, which must give no data."""
        body = await post(server, query, variables, self.token)
        (error,) = body["errors"]
        assert not any((body.get("data") or {}).values()), body
        return dict(error)

    async def create_group(self, server: Server, *others: "Person") -> str:
        """Create a group and return its id. Its last seq is the number of its members."""
        group = {"title": "Tea", "memberIds": [other.id for other in others]}
        return str((await self.ask(server, CREATE_GROUP, input=group))["createGroupChat"]["id"])

    async def say(self, server: Server, chat_id: str, text: str, **more: object) -> Json:
        """Send a message over HTTP."""
        message: Json = (await self.ask(server, SEND, input={"chatId": chat_id, "text": text, **more}))[
            "sendMessage"
        ]
        return message

    async def connect(self, server: Server) -> SocketClient:
        """Open a socket of this user."""
        return await SocketClient.connect(server.socket, self.token)


async def register(server: Server) -> Person:
    """Register a new user."""
    username, password = f"live{next(_numbers)}", secrets.token_urlsafe(16)
    body = await post(server, REGISTER, {"input": {"username": username, "password": password}})
    payload = body["data"]["register"]
    SECRETS.update((password, payload["accessToken"], payload["refreshToken"]))
    return Person(payload["user"]["id"], username, password, payload["accessToken"])


def short_token(person: Person, seconds: int, settings: LazySettings) -> str:
    """Return another access token of the user, as the server signs it, with this lifetime (up to a second less)."""
    settings.ACCESS_TOKEN_SECONDS = seconds
    of = read_access_token(person.token)
    token = new_access_token(of.user_id, of.session_id, of.epoch).text
    SECRETS.add(token)
    return token


async def log_in(server: Server, person: Person) -> tuple[str, str]:
    """Log in once more and return the new session's access token and refresh token."""
    body = await post(server, LOGIN, {"username": person.username, "password": person.password})
    tokens = body["data"]["login"]
    SECRETS.update(tokens.values())
    return tokens["accessToken"], tokens["refreshToken"]
