"""Tokens: only those that this server signed, of the right type, unchanged and unexpired, are accepted."""

import base64
import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import LazySettings, settings
from hypothesis import given
from hypothesis import strategies as st

from auth.errors import AuthError
from auth.tokens import (
    MAX_TOKEN_LENGTH,
    new_access_token,
    new_refresh_token,
    read_access_token,
    read_refresh_token,
)
from foundation.errors import ErrorCode

SESSION = str(uuid.uuid4())
INVALID = "The token is invalid."
EXPIRED = "The token has expired."


def refusal(token: object) -> str:
    """The message with which both readers refuse the token."""
    sentences = set()
    for read in (read_access_token, read_refresh_token):
        with pytest.raises(AuthError) as caught:
            read(token)
        assert caught.value.code is ErrorCode.UNAUTHENTICATED
        assert caught.value.data == {}
        assert caught.value.__cause__ is None
        sentences.add(caught.value.message)
    return ", ".join(sentences)


def claims(**changes: object) -> dict[str, Any]:
    """The claims of a valid access token; a change to None removes a claim."""
    now = int(time.time())
    whole = {
        "token_type": "access",
        "user_id": "7",
        "sid": SESSION,
        "epoch": 0,
        "jti": "a" * 32,
        "iat": now,
        "exp": now + 60,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def signed(payload: dict[str, Any], key: str | None = None, algorithm: str = "HS256") -> str:
    return jwt.encode(payload, key or settings.SIMPLE_JWT["SIGNING_KEY"], algorithm=algorithm)


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def test_an_access_token_names_user_session_and_epoch() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    token = new_access_token(7, SESSION, epoch=3)

    identity = read_access_token(token.text)

    assert (identity.user_id, identity.session_id, identity.epoch) == (7, SESSION, 3)
    assert identity.token_id == token.token_id
    assert identity.expires_at == token.expires_at
    assert before <= identity.issued_at <= datetime.now(UTC)
    assert identity.expires_at - identity.issued_at == timedelta(seconds=settings.ACCESS_TOKEN_SECONDS)
    assert identity.expires_at.tzinfo is UTC


def test_a_refresh_token_names_user_and_session() -> None:
    token = new_refresh_token(7, SESSION)

    read = read_refresh_token(token.text)

    assert (read.user_id, read.session_id, read.token_id) == (7, SESSION, token.token_id)
    assert read.expires_at == token.expires_at


def test_the_handmade_claims_are_valid() -> None:
    """Else the refusals below would prove nothing."""
    assert read_access_token(signed(claims())).user_id == 7


def test_a_token_of_the_other_type_is_refused() -> None:
    with pytest.raises(AuthError, match=INVALID):
        read_access_token(new_refresh_token(7, SESSION).text)
    with pytest.raises(AuthError, match=INVALID):
        read_refresh_token(new_access_token(7, SESSION, 0).text)


@pytest.mark.parametrize("seconds", [1, 0])
def test_a_token_ends_at_its_second(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expired = claims(exp=int(time.time()) - seconds)
    assert refusal(signed(expired)) == EXPIRED


@pytest.mark.parametrize(
    "token",
    [
        None,
        42,
        b"bytes",
        [],
        "",
        "a",
        "a.b",
        "a.b.c",
        "....",
        "é.é.é",
        "\ud800.\ud800.\ud800",
        "\x00",
        "a" * 1_000_000,
        "Bearer x",
    ],
    ids=lambda token: repr(token)[:20],
)
def test_anything_but_a_token_is_refused(token: object) -> None:
    assert refusal(token) == INVALID


def test_another_key_is_refused() -> None:
    assert refusal(signed(claims(), key="k" * 64)) == INVALID


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_the_same_key_is_refused(algorithm: str) -> None:
    assert (
        refusal(signed(claims(), key=settings.SIMPLE_JWT["SIGNING_KEY"] * 2, algorithm=algorithm)) == INVALID
    )


@pytest.mark.parametrize("name", ["none", "None", "NONE", "HS256"])
def test_an_unsigned_token_is_refused(name: str) -> None:
    header = encoded(json.dumps({"alg": name, "typ": "JWT"}).encode())
    assert refusal(f"{header}.{encoded(json.dumps(claims()).encode())}.") == INVALID


def test_a_token_signed_with_a_private_key_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert refusal(jwt.encode(claims(), pem, algorithm="RS256")) == INVALID


def test_a_changed_claim_breaks_the_signature() -> None:
    header, _, signature = new_access_token(7, SESSION, 0).text.split(".")
    changed = encoded(json.dumps(claims(user_id="8")).encode())
    assert refusal(f"{header}.{changed}.{signature}") == INVALID


@pytest.mark.parametrize("name", ["token_type", "user_id", "sid", "epoch", "jti", "iat", "exp"])
def test_a_token_without_a_claim_is_refused(name: str) -> None:
    assert refusal(signed(claims(**{name: None}))) == INVALID


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": 7},
        {"user_id": "-7"},
        {"user_id": "\u0667"},
        {"user_id": "9" * 19},
        {"user_id": "9" * 30},
        {"sid": 7},
        {"sid": "not-a-uuid"},
        {"epoch": -1},
        {"epoch": True},
        {"epoch": 1.5},
        {"jti": ""},
        {"iat": "soon"},
        {"iat": -1},
        {"exp": 10**18},
        {"exp": 1e300},
        {"token_type": ["access"]},
    ],
    ids=str,
)
def test_a_claim_of_the_wrong_shape_is_refused(changes: dict[str, object]) -> None:
    assert refusal(signed(claims(**changes))) == INVALID


@pytest.mark.parametrize(
    "payload", [b"[]", b"42", b"null", b"\xff", b"{", b"[" * 1500, b'{"exp":' + b"9" * 900]
)
def test_a_signed_payload_that_is_not_an_object_is_refused(payload: bytes) -> None:
    token = jwt.api_jws.encode(payload, settings.SIMPLE_JWT["SIGNING_KEY"], algorithm="HS256")
    assert len(token) <= MAX_TOKEN_LENGTH
    assert refusal(token) == INVALID


@pytest.mark.parametrize(
    "header", [b"[]", b"null", b"[" * 2900, b'{"alg":["HS256"]}', b'{"alg":7,"kid":7}', b"\xff"]
)
def test_a_header_of_the_wrong_shape_is_refused(header: bytes) -> None:
    _, payload, signature = new_access_token(7, SESSION, 0).text.split(".")
    assert refusal(f"{encoded(header)}.{payload}.{signature}") == INVALID


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300), st.none(), st.integers()))
def test_garbage_is_refused(token: object) -> None:
    assert refusal(token) == INVALID


@given(st.data())
def test_a_token_with_one_part_replaced_is_refused(data: st.DataObject) -> None:
    parts = new_access_token(7, SESSION, 0).text.split(".")
    place = data.draw(st.integers(0, 2))
    part = data.draw(st.one_of(st.text("abcXYZ019-_=", max_size=80), st.binary(max_size=60).map(encoded)))
    assert refusal(".".join([*parts[:place], part, *parts[place + 1 :]])) == INVALID


def test_a_token_keeps_the_lifetime_of_its_creation(settings: LazySettings) -> None:
    settings.ACCESS_TOKEN_SECONDS = 5
    token = new_access_token(7, SESSION, 0)
    identity = read_access_token(token.text)
    assert identity.expires_at - identity.issued_at == timedelta(seconds=5)


def test_a_token_stays_out_of_the_repr_of_its_holder() -> None:
    token = new_access_token(7, SESSION, 0)
    assert token.text not in repr(token)
