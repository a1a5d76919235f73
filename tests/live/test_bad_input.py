"""Bad input at the wire: one typed error over HTTP and over the socket, and nothing written."""

from collections.abc import Iterator

import psycopg
import pytest
from rest_framework_simplejwt.tokens import AccessToken

from auth.tokens import new_access_token
from tests.client import SocketClient, SocketClosedError
from tests.live.people import CREATE_GROUP, FEED, SECRETS, SEND, Json, Person, post, register
from tests.server import Server

LOGIN = """mutation ($username: String!, $password: String!) {
  login(username: $username, password: $password) { accessToken }
}"""
REFRESH = 'mutation { refreshTokens(refreshToken: "x") { accessToken } }'
TABLES = (
    "chats_chat",
    "chats_membership",
    "chats_message",
    "chats_event",
    "accounts_user",
    "accounts_session",
)

PAGE = "query ($id: ID!) {{ chat(id: $id) {{ messages({0}) {{ edges {{ cursor }} }} }} }}"
CHAT = "query ($id: ID!) { chat(id: $id) { lastSeq } }"

LONG = "1" * 101

# Name, operation, variables, error code, and the error's `field` if any. "CHAT" stands for a chat of the user,
# "FOREIGN" for a chat of others.
CASES: list[tuple[str, str, Json, str, str | None]] = [
    ("unknown chat", CHAT, {"id": "Q2hhdDo5OTk5OTk="}, "NOT_FOUND", None),
    ("foreign chat", CHAT, {"id": "FOREIGN"}, "NOT_FOUND", None),
    ("no id at all", CHAT, {"id": "☃"}, "NOT_FOUND", None),
    ("id of a user", CHAT, {"id": "VXNlcjox"}, "NOT_FOUND", None),
    ("empty text", SEND, {"input": {"chatId": "CHAT", "text": " \n"}}, "BAD_INPUT", "text"),
    ("NUL in text", SEND, {"input": {"chatId": "CHAT", "text": "a\0b"}}, "BAD_INPUT", "text"),
    ("long text", SEND, {"input": {"chatId": "CHAT", "text": "x" * 4001}}, "TOO_LARGE", "text"),
    ("foreign chat to send to", SEND, {"input": {"chatId": "FOREIGN", "text": "x"}}, "NOT_FOUND", None),
    ("client id in use", SEND, {"input": {"chatId": "CHAT", "text": "x", "clientId": "1"}}, "CONFLICT", "clientId"),
    ("long client id", SEND, {"input": {"chatId": "CHAT", "text": "x", "clientId": LONG}}, "TOO_LARGE", "clientId"),
    ("unknown reply", SEND, {"input": {"chatId": "CHAT", "text": "x", "replyToId": "CHAT"}}, "NOT_FOUND", None),
    ("empty title", CREATE_GROUP, {"input": {"title": "", "memberIds": []}}, "BAD_INPUT", "title"),
    ("unknown member", CREATE_GROUP, {"input": {"title": "x", "memberIds": ["VXNlcjox"]}}, "NOT_FOUND", "memberIds"),
    ("huge page", PAGE.format("first: 10000"), {"id": "CHAT"}, "TOO_LARGE", "first"),
    ("huge last page", PAGE.format("last: 10000"), {"id": "CHAT"}, "TOO_LARGE", "last"),
    ("negative page", PAGE.format("first: -1"), {"id": "CHAT"}, "BAD_INPUT", "first"),
    ("two sizes", PAGE.format("first: 1, last: 1"), {"id": "CHAT"}, "BAD_INPUT", "last"),
    ("forged cursor", PAGE.format('after: "x"'), {"id": "CHAT"}, "BAD_INPUT", "after"),
    ("unknown field", "{ nothing }", {}, "BAD_INPUT", None),
    ("no syntax", "{", {}, "BAD_INPUT", None),
    ("missing variable", CHAT, {}, "BAD_INPUT", None),
    ("wrong variable", CHAT, {"id": {"a": 1}}, "BAD_INPUT", None),
    ("bad refresh token", REFRESH, {}, "UNAUTHENTICATED", None),
]  # fmt: skip


@pytest.fixture
def rows(environment: dict[str, str]) -> Iterator["Rows"]:
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        yield Rows(connection)


class Rows:
    """How many rows each table has."""

    def __init__(self, connection: "psycopg.Connection[tuple[int]]") -> None:
        self._connection = connection

    def count(self) -> dict[str, int]:
        counts = {}
        for table in TABLES:
            row = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert row is not None
            counts[table] = row[0]
        return counts


class Scene:
    """A user with a chat of one message, and a chat of others."""

    person: Person
    ids: dict[str, str]

    def fill(self, value: object) -> object:
        """Replace the names by the real ids."""
        if isinstance(value, dict):
            return {key: self.fill(inner) for key, inner in value.items()}
        return self.ids.get(value, value) if isinstance(value, str) else value


@pytest.fixture
async def scene(server: Server) -> Scene:
    scene = Scene()
    scene.person, stranger = await register(server), await register(server)
    scene.ids = {
        "CHAT": await scene.person.create_group(server),
        "FOREIGN": await stranger.create_group(server),
    }
    await scene.person.say(server, scene.ids["CHAT"], "first", clientId="1")
    return scene


@pytest.mark.parametrize(
    ("query", "given", "code", "field"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
async def test_bad_input_gives_one_typed_error_and_writes_nothing(
    server: Server, scene: Scene, rows: Rows, query: str, given: Json, code: str, field: str | None
) -> None:
    before = rows.count()
    variables = scene.fill(given)
    assert isinstance(variables, dict)
    over_http = await scene.person.refusal(server, query, **variables)
    async with await scene.person.connect(server) as client:
        operation = await client.subscribe(query, variables)
        frame = await operation.frame()
        errors = frame["payload"] if frame["type"] == "error" else frame["payload"]["errors"]
        assert errors == [over_http]
        if frame["type"] == "next":
            await operation.completed()
        await client.ping()  # the socket lives on
    assert over_http["extensions"]["code"] == code
    assert over_http["extensions"].get("field") == field
    assert rows.count() == before


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    server: Server, scene: Scene, rows: Rows
) -> None:
    before = rows.count()
    answers = []
    for username in (scene.person.username, "nobody-of-this-name"):
        variables = {"username": username, "password": "a-wrong-password-that-is-secret"}
        body = await post(server, LOGIN, variables)
        answers.append(body)
    SECRETS.add("a-wrong-password-that-is-secret")
    assert answers[0] == answers[1]
    assert answers[0]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert rows.count() == before


def invalid_tokens() -> dict[str, str]:
    expired = AccessToken(new_access_token(1, "0" * 36, 0).text)  # type: ignore[arg-type]
    expired.set_exp(from_time=expired.current_time, lifetime=-expired.lifetime)
    good = new_access_token(1, "0" * 36, 0).text
    head, payload, signature = good.split(".")
    tokens = {
        "expired": str(expired),
        "forged": f"{head}.{payload}.{signature[::-1]}",
        "garbage": "secret-garbage",
    }
    SECRETS.update(tokens.values())
    return tokens


@pytest.mark.parametrize("name", ["expired", "forged", "garbage"])
async def test_an_invalid_token_is_refused(server: Server, name: str) -> None:
    token = invalid_tokens()[name]
    body = await post(server, CHAT, {"id": "CHAT"}, token)
    assert [error["extensions"]["code"] for error in body["errors"]] == ["UNAUTHENTICATED"]
    assert "data" not in body
    with pytest.raises(SocketClosedError) as closed:
        await SocketClient.connect(server.socket, token)
    assert closed.value.code == 4403


async def test_an_anonymous_client_gets_unauthenticated(server: Server, scene: Scene, rows: Rows) -> None:
    before = rows.count()
    for query, variables in ((CHAT, {"id": "CHAT"}), (SEND, {"input": {"chatId": "CHAT", "text": "x"}})):
        body = await post(server, query, scene.fill(variables))  # type: ignore[arg-type]
        assert [error["extensions"]["code"] for error in body["errors"]] == ["UNAUTHENTICATED"]
    assert rows.count() == before


@pytest.mark.parametrize(
    ("chat", "since", "code"),
    [("FOREIGN", None, "NOT_FOUND"), ("none", None, "NOT_FOUND"), ("CHAT", -1, "BAD_INPUT")],
)
async def test_a_refused_feed_is_an_error_of_its_operation(
    server: Server, scene: Scene, chat: str, since: int | None, code: str
) -> None:
    async with await scene.person.connect(server) as client:
        operation = await client.subscribe(FEED, {"chatId": scene.ids.get(chat, chat), "since": since})
        (error,) = await operation.errors()
        assert error["extensions"]["code"] == code
        assert error["path"] == ["chatFeed"]
        await client.ping()
