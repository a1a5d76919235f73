"""The REST endpoints: simplejwt's shapes, and a JSON answer to every body."""

import json
import logging
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import AsyncClient

from auth import accounts, tickets
from auth.identity import authenticate
from auth.models import Session
from auth.sessions import Tokens
from auth.tokens import read_access_token
from foundation.database import in_thread
from tests.auth.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.auth.urls")]

# The async client's own type is private to the stubs.
Response = Any

TOKEN, REFRESH, VERIFY, TICKET = (
    "/auth/token/",
    "/auth/token/refresh/",
    "/auth/token/verify/",
    "/auth/socket-ticket/",
)
POSTS = {
    TOKEN: {"username": "Ann", "password": PASSWORD},
    REFRESH: {"refresh": "x"},
    VERIFY: {"token": "x"},
}


@pytest.fixture
def client() -> AsyncClient:
    return AsyncClient()


async def post(client: AsyncClient, path: str, body: object, **headers: str) -> Response:
    return await client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def refusal(response: Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response.has_header("WWW-Authenticate") == (status == 401)
    answer: dict[str, Any] = json.loads(response.content)
    assert {"detail", "code"} <= answer.keys()
    return answer


async def test_a_login_gives_a_pair(client: AsyncClient, ann: Tokens) -> None:
    response = await post(client, TOKEN, POSTS[TOKEN], **{"user-agent": "Phone/2.0"})
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    pair = json.loads(response.content)
    assert pair.keys() == {"access", "refresh"}
    identity = await authenticate(pair["access"])
    assert identity.user_id == ann.user.pk
    session = await in_thread(Session.objects.get, pk=identity.session_id)
    assert session.device == "Phone/2.0"
    assert (await in_thread(accounts.refresh, pair["refresh"])).user == ann.user


@pytest.mark.parametrize(
    "body", [{"username": "Ann", "password": "x"}, {"username": "\x00", "password": PASSWORD}]
)
@pytest.mark.usefixtures("ann")
async def test_a_failed_login_answers_as_simplejwt_does(client: AsyncClient, body: dict[str, str]) -> None:
    answer = refusal(await post(client, TOKEN, body), 401)
    assert answer == {"detail": "Wrong username or password.", "code": "no_active_account"}


async def test_a_refresh_token_works_once(client: AsyncClient, ann: Tokens) -> None:
    response = await post(client, REFRESH, {"refresh": ann.refresh_token})
    assert response.status_code == 200
    pair = json.loads(response.content)
    assert (await authenticate(pair["access"])).user_id == ann.user.pk
    for token in (ann.refresh_token, pair["refresh"], "x"):
        answer = refusal(await post(client, REFRESH, {"refresh": token}), 401)
        assert answer == {"detail": "The token is invalid.", "code": "token_not_valid"}


async def test_tokens_of_both_kinds_are_verified(client: AsyncClient, ann: Tokens) -> None:
    for token in (ann.access_token, ann.refresh_token):
        response = await post(client, VERIFY, {"token": token})
        assert (response.status_code, response.content) == (200, b"{}")
    await in_thread(accounts.logout, ann.refresh_token)
    for token in (ann.access_token, ann.refresh_token, "x"):
        answer = refusal(await post(client, VERIFY, {"token": token}), 401)
        assert answer["code"] == "token_not_valid"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_ticket_comes_with_its_expiry_and_the_chat_ids(
    client: AsyncClient, ann: Tokens, method: str
) -> None:
    async def provider(user_id: int) -> list[str]:
        return [f"chat of {user_id}"]

    before = tickets._chat_ids_provider
    tickets.provide_chat_ids(provider)
    try:
        response = await client.generic(
            method, TICKET, headers={"authorization": f"bearer  {ann.access_token} "}
        )
    finally:
        tickets.provide_chat_ids(before)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    answer = json.loads(response.content)
    assert answer.keys() == {"ticket", "expiresAt", "chatIds"}
    assert answer["chatIds"] == [f"chat of {ann.user.pk}"]
    assert answer["expiresAt"].endswith("+00:00")
    assert await tickets.redeem_ticket(answer["ticket"]) == read_access_token(ann.access_token)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "not_authenticated"),
        ("Bearer", "not_authenticated"),
        ("Bearer ", "not_authenticated"),
        ("Basic YTpi", "not_authenticated"),
        ("Bearer x", "token_not_valid"),
        ("Bearer \xff\xfe", "token_not_valid"),
    ],
)
async def test_a_ticket_needs_a_token(client: AsyncClient, header: str, code: str) -> None:
    response = await client.get(TICKET, headers={"authorization": header} if header else {})
    assert refusal(response, 401)["code"] == code


async def test_a_refresh_token_gives_no_ticket(client: AsyncClient, ann: Tokens) -> None:
    response = await client.get(TICKET, headers={"authorization": f"Bearer {ann.refresh_token}"})
    assert refusal(response, 401)["code"] == "token_not_valid"


@pytest.mark.parametrize("path", [TOKEN, REFRESH, VERIFY, TICKET])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
async def test_another_method_is_not_allowed(client: AsyncClient, path: str, method: str) -> None:
    if (path, method) == (TICKET, "GET"):
        return
    response = await client.generic(method, path)
    assert response.status_code == 405
    assert response["Allow"] == ("GET, POST" if path == TICKET else "POST")


BODIES = [
    b" ",
    b"{",
    b"42",
    b"null",
    b"[]",
    b'"x"',
    b"{}",
    b"\xff\xfe",
    b"[" * 10_000,
    b'{"username":' + b"[" * 10_000,
    b"9" * 10_000,
    b'{"username": 42, "password": null, "refresh": {}, "token": []}',
    b'{"username": "\\ud800", "password": "\\ud800", "refresh": "\\ud800", "token": "\\ud800"}',
    b'{"username": NaN}',
]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:24]))
async def test_every_bad_body_is_refused(
    client: AsyncClient, path: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.generic("POST", path, body, content_type="application/json")
    assert refusal(response, 400)["code"] in {"parse_error", "invalid"}
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_another_content_type_is_refused(client: AsyncClient, path: str, content_type: str) -> None:
    response = await client.generic("POST", path, b"username=Ann", content_type=content_type)
    assert refusal(response, 415)["code"] == "unsupported_media_type"


async def test_the_content_type_may_have_a_charset(client: AsyncClient) -> None:
    response = await client.generic(
        "POST", REFRESH, b'{"refresh":"x"}', content_type="application/json; charset=utf-8"
    )
    refusal(response, 401)


@pytest.mark.parametrize("path", POSTS)
async def test_a_huge_body_is_refused(client: AsyncClient, path: str, settings: LazySettings) -> None:
    settings.MAX_AUTH_BODY_BYTES = 100
    whole = json.dumps(POSTS[path] | {"more": ""})
    fits = json.dumps(POSTS[path] | {"more": "x" * (100 - len(whole))})
    assert len(fits) == 100
    assert (await client.generic("POST", path, fits, content_type="application/json")).status_code == 401
    response = await client.generic("POST", path, fits + " ", content_type="application/json")
    assert refusal(response, 413)["code"] == "too_large"


@pytest.mark.parametrize(
    ("rate", "path"),
    [("login_address", TOKEN), ("login_username", TOKEN), ("refresh", REFRESH), ("refresh", VERIFY)],
)
async def test_rate_limits_apply(client: AsyncClient, settings: LazySettings, rate: str, path: str) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {rate: "2/minute"}
    for _ in range(2):
        refusal(await post(client, path, POSTS[path]), 401)
    response = await post(client, path, POSTS[path])
    answer = refusal(response, 429)
    assert answer["code"] == "throttled"
    assert 55_000 < answer["retryAfterMs"] <= 60_000
    assert 55 < int(response["Retry-After"]) <= 60


async def test_tickets_have_a_rate_limit_per_user(
    client: AsyncClient, settings: LazySettings, ann: Tokens
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"ticket": "1/minute"}
    bob = await in_thread(accounts.register, "Bob", PASSWORD)
    for tokens, status in ((ann, 200), (ann, 429), (bob, 200)):
        response = await client.post(TICKET, headers={"authorization": f"Bearer {tokens.access_token}"})
        assert response.status_code == status


async def test_the_rate_limit_of_a_username_counts_all_addresses(settings: LazySettings) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"login_username": "1/minute"}
    statuses = [
        (await post(AsyncClient(REMOTE_ADDR=address), TOKEN, {"username": name, "password": "x"})).status_code
        for address, name in (("192.0.2.1", "Ann"), ("192.0.2.2", "aNN"), ("192.0.2.2", "Bob"))
    ]
    assert statuses == [401, 429, 401]


async def test_an_unforeseen_error_is_json_too(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr(accounts, "login", fail)
    answer = refusal(await post(client, TOKEN, POSTS[TOKEN]), 500)
    assert answer == {"detail": "Something went wrong on our side.", "code": "error"}
    assert "the cause" in caplog.text
    assert PASSWORD not in caplog.text


async def test_nothing_secret_is_logged(
    client: AsyncClient, ann: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    login = json.loads((await post(client, TOKEN, POSTS[TOKEN])).content)
    await post(client, TOKEN, {"username": "Ann", "password": "a wrong guess"})
    renewed = json.loads((await post(client, REFRESH, {"refresh": login["refresh"]})).content)
    await post(client, REFRESH, {"refresh": login["refresh"]})
    await post(client, VERIFY, {"token": renewed["access"]})
    response = await client.post(TICKET, headers={"authorization": f"Bearer {ann.access_token}"})
    ticket = json.loads(response.content)["ticket"]
    await tickets.redeem_ticket(ticket)

    text = caplog.text + repr(
        [record.__dict__ for record in caplog.records if record.name != "django.db.backends"]
    )
    for secret in (PASSWORD, "a wrong guess", ann.access_token, ann.refresh_token, ticket, *login.values()):
        assert secret not in text
