"""Fixtures: the application over a fake executor, and identities without real tokens.

The fixtures import the project inside, since pytest reads this file before the suite has set Django up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from api.http.app import GraphQLHTTP
    from auth.identity import Identity
    from tests.api.http.fakes import FakeExecutor


@pytest.fixture
def executor() -> FakeExecutor:
    """The stand-in that executes the operations."""
    from tests.api.http.fakes import FakeExecutor

    return FakeExecutor()


@pytest.fixture
def app(executor: FakeExecutor) -> GraphQLHTTP:
    """The application under test."""
    from api.http.app import GraphQLHTTP

    return GraphQLHTTP(executor)


@pytest.fixture
def identities(monkeypatch: pytest.MonkeyPatch) -> dict[str, Identity]:
    """Token -> identity. Any other token is refused, also while a subscription runs."""
    from api.http import credentials, identity_watch
    from auth.errors import bad_token
    from tests.api.http.fakes import identity_of

    known = {"good": identity_of()}

    async def authenticate(token: str) -> Identity:
        if token not in known:
            raise bad_token()
        return known[token]

    async def require_current(identity: Identity) -> None:
        if identity not in known.values():
            raise bad_token()

    monkeypatch.setattr(credentials, "authenticate", authenticate)
    monkeypatch.setattr(identity_watch, "require_current", require_current)
    return known
