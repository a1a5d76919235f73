"""The origins of web pages that may open a socket. CORS over HTTP is in `test_app.py`."""

import pytest
from pytest_django import Settings

from api.http.allowed_origins import may_open_socket

HOST = (b"host", b"chat.example")


@pytest.mark.parametrize("host", [b"chat.example", b"CHAT.example", b"chat.example:8000"])
def test_the_own_host_is_allowed(host: bytes) -> None:
    assert may_open_socket([(b"Host", host), (b"Origin", b"https://" + host.lower())])


def test_a_handshake_without_an_origin_is_allowed() -> None:
    assert may_open_socket([HOST])


@pytest.mark.parametrize(
    "origin",
    [b"https://evil.example", b"null", b"http://[", b"https://chat.example.evil.example", b"chat.example"],
)
def test_a_foreign_origin_is_refused(origin: bytes) -> None:
    assert not may_open_socket([HOST, (b"origin", origin)])


@pytest.mark.parametrize(
    ("setting", "origins"),
    [
        ("SOCKET_ORIGINS", ["https://app.example"]),
        ("SOCKET_ORIGINS", ["*"]),
        ("CORS_ALLOWED_ORIGINS", ["https://app.example"]),
        ("CORS_ALLOW_ALL_ORIGINS", True),
    ],
)
def test_settings_allow_further_origins(settings: Settings, setting: str, origins: object) -> None:
    headers = [HOST, (b"origin", b"https://app.example")]
    assert not may_open_socket(headers)
    setattr(settings, setting, origins)
    assert may_open_socket(headers)
