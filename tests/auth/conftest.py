"""Fixtures for the tests of identity. pytest may read this file before Django is set up, hence the late imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.conf import LazySettings

    from auth.revocation import Revoked
    from auth.sessions import Tokens

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _fast_hasher(settings: LazySettings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _like_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each test without missing writes and without a reported outage."""
    from auth import revocation

    monkeypatch.setattr(revocation, "_missing_writes", revocation._MissingWrites())
    revocation._outage._is_out = False


@pytest.fixture
def revocations() -> Iterator[list[Revoked]]:
    """The revocations that listeners have received so far."""
    from auth.revocation import on_revoked

    received: list[Revoked] = []
    remove = on_revoked(received.append)
    yield received
    remove()


@pytest.fixture
def ann(transactional_db: None) -> Tokens:
    """A new account and its first session. Committed, so that other threads see it."""
    from auth import accounts

    return accounts.register("Ann", PASSWORD, "Ann Lee", "ann@example.org", "Test/1.0")
