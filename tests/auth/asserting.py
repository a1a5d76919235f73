"""Assertions and helpers that the tests of identity share."""

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

import pytest
import redis
import redis.asyncio
from django.test.utils import CaptureQueriesContext

from auth.errors import AuthError
from auth.identity import authenticate, require_current
from auth.sessions import Tokens
from auth.tokens import read_access_token
from foundation.errors import ErrorCode


def statements(queries: CaptureQueriesContext) -> list[str]:
    """The first two words of each statement sent to the database."""
    return [" ".join(query["sql"].split()[:2]) for query in queries.captured_queries]


def refused(call: Callable[[], object]) -> tuple[ErrorCode, object]:
    """The code and the field of the AuthError that the call raises."""
    with pytest.raises(AuthError) as caught:
        call()
    return caught.value.code, caught.value.data.get("field")


async def assert_refused(tokens: Tokens) -> None:
    for check in (authenticate(tokens.access_token), require_current(read_access_token(tokens.access_token))):
        with pytest.raises(AuthError, match=r"^The token is invalid\.$") as caught:
            await check
        assert caught.value.code is ErrorCode.UNAUTHENTICATED


async def assert_accepted(tokens: Tokens) -> None:
    identity = await authenticate(tokens.access_token)
    assert identity == read_access_token(tokens.access_token)
    await require_current(identity)


@contextlib.contextmanager
def redis_away() -> Iterator[None]:
    """Make Redis unreachable for the deny-list while the context lasts."""
    nowhere = "redis://127.0.0.1:1"
    with (
        mock.patch("auth.denylist.sync_redis", return_value=redis.Redis.from_url(nowhere)),
        mock.patch("auth.denylist.async_redis", return_value=redis.asyncio.Redis.from_url(nowhere)),
    ):
        yield
