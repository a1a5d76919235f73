"""Password hashing is slow on purpose, and never blocks the threads of other database work."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from unittest import mock

import pytest
from django.conf import LazySettings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import AsyncClient

from auth.models import User
from auth.sessions import Tokens
from auth.tokens import read_access_token
from foundation.database import in_thread
from schema import execution
from schema.context import Context
from schema.execution import OperationRequest
from tests.auth.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.auth.urls")]

AT_ONCE = 50
REGISTER = 'mutation { register(input: {username: "bob%d", password: "%s"}) { user { id } } }'
LOGIN = 'mutation { login(username: "ann", password: "%s") { user { id } } }'
CHANGE = 'mutation { changePassword(oldPassword: "wrong", newPassword: "%s") { user { id } } }'


class SlowHashes:
    """A password hasher that waits for `go`."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = threading.Event()
        self._encode = MD5PasswordHasher.encode

    def encode(self, hasher: MD5PasswordHasher, *arguments: str) -> str:
        self.begun += 1
        assert self.go.wait(30)
        return self._encode(hasher, *arguments)


@pytest.fixture
def hashes(settings: LazySettings, ann: Tokens) -> Iterator[SlowHashes]:
    settings.RATE_LIMITS_ENABLED = False
    slow = SlowHashes()
    with mock.patch.object(MD5PasswordHasher, "encode", lambda *arguments: slow.encode(*arguments)):
        yield slow
    slow.go.set()


async def mutate(document: str, context: Context) -> bytes:
    return await execution.execute(await execution.prepare(OperationRequest(document)), context)


async def over_rest(_number: int, _ann: Tokens) -> object:
    body = json.dumps({"username": "ann", "password": PASSWORD})
    return await AsyncClient().post("/auth/token/", body, content_type="application/json")


async def login(_number: int, _ann: Tokens) -> object:
    return await mutate(LOGIN % PASSWORD, Context())


async def register(number: int, _ann: Tokens) -> object:
    return await mutate(REGISTER % (number, PASSWORD), Context())


async def change(_number: int, ann: Tokens) -> object:
    return await mutate(CHANGE % PASSWORD, Context(read_access_token(ann.access_token)))


@pytest.mark.parametrize("request_of", [over_rest, login, register, change])
async def test_fifty_at_once_block_no_database_thread(
    ann: Tokens,
    hashes: SlowHashes,
    settings: LazySettings,
    request_of: Callable[[int, Tokens], Awaitable[object]],
) -> None:
    requests = [asyncio.ensure_future(request_of(number, ann)) for number in range(AT_ONCE)]
    async with asyncio.timeout(20):
        # More work than there are database threads, all of it done while the hashes wait.
        for _ in range(2):
            counts = await asyncio.gather(*(in_thread(User.objects.count) for _ in range(AT_ONCE)))
            assert counts == [1] * AT_ONCE
    assert hashes.begun <= settings.PASSWORD_THREADS
    assert not any(one.done() for one in requests)
    hashes.go.set()
    await asyncio.gather(*requests)
    assert hashes.begun >= AT_ONCE
