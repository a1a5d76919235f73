"""Tickets: they work once, expire soon, never outlive their token, and Redis does not hold them in the clear."""

import asyncio
import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import redis.asyncio
from django.conf import LazySettings

from auth import accounts, tickets
from auth.errors import AuthError
from auth.identity import Identity, authenticate
from auth.sessions import Tokens
from auth.tickets import issue_ticket, redeem_ticket
from foundation.database import in_thread
from foundation.errors import ErrorCode
from foundation.redis import async_redis

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def identity(ann: Tokens) -> Identity:
    return await authenticate(ann.access_token)


async def stored_ticket() -> bytes:
    """The key of the only ticket in Redis."""
    (key,) = [key async for key in async_redis().scan_iter("auth:ticket:*")]
    return bytes(key)


async def assert_refused(ticket: object) -> None:
    with pytest.raises(AuthError) as caught:
        await redeem_ticket(ticket)
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    assert str(ticket) not in caught.value.message


async def test_a_ticket_gives_its_identity_once(identity: Identity) -> None:
    ticket = await issue_ticket(identity)
    assert await redeem_ticket(ticket.ticket) == identity
    await assert_refused(ticket.ticket)


async def test_of_fifty_redemptions_at_once_one_succeeds(identity: Identity) -> None:
    ticket = await issue_ticket(identity)
    answers = await asyncio.gather(*(redeem_ticket(ticket.ticket) for _ in range(50)), return_exceptions=True)
    assert [answer for answer in answers if not isinstance(answer, AuthError)] == [identity]
    assert len(answers) == 50


async def test_a_ticket_lives_a_minute(identity: Identity, settings: LazySettings) -> None:
    settings.SOCKET_TICKET_SECONDS = 60
    before = datetime.now(UTC)
    ticket = await issue_ticket(identity)
    assert timedelta(seconds=60) <= ticket.expires_at - before < timedelta(seconds=62)
    milliseconds = await async_redis().pttl(await stored_ticket())
    assert 58_000 < milliseconds <= 60_000


async def test_a_ticket_never_outlives_its_token(identity: Identity) -> None:
    soon = dataclasses.replace(identity, expires_at=datetime.now(UTC) + timedelta(seconds=20))
    ticket = await issue_ticket(soon)
    assert ticket.expires_at == soon.expires_at
    assert await async_redis().pttl(await stored_ticket()) <= 20_000
    assert (await redeem_ticket(ticket.ticket)).expires_at == soon.expires_at


async def test_an_expired_identity_gets_no_ticket(identity: Identity) -> None:
    with pytest.raises(AuthError, match="expired"):
        await issue_ticket(dataclasses.replace(identity, expires_at=datetime.now(UTC)))


async def test_an_expired_ticket_is_refused(identity: Identity) -> None:
    ticket = await issue_ticket(identity)
    await async_redis().pexpire(await stored_ticket(), 0)
    await assert_refused(ticket.ticket)


async def test_a_ticket_of_an_ended_session_is_refused(identity: Identity, ann: Tokens) -> None:
    ticket = await issue_ticket(identity)
    await in_thread(accounts.logout, ann.refresh_token)
    await assert_refused(ticket.ticket)


async def test_redis_holds_only_a_hash_of_the_ticket(identity: Identity) -> None:
    ticket = await issue_ticket(identity)
    key = await stored_ticket()
    assert ticket.ticket.encode() not in key
    assert ticket.ticket.encode() not in (await async_redis().get(key) or b"")
    assert ticket.ticket not in repr(ticket)


async def test_tickets_are_long_and_differ(identity: Identity) -> None:
    made = {(await issue_ticket(identity)).ticket for _ in range(100)}
    assert len(made) == 100
    assert {len(ticket) for ticket in made} == {43}


@pytest.mark.parametrize(
    "ticket",
    [None, 42, b"bytes", "", "x", "\ud800", "\x00", "é" * 43, "x" * 1_000_000, ["x"]],
    ids=lambda value: ascii(value)[:20],
)
async def test_anything_but_a_ticket_is_refused(ticket: object) -> None:
    with pytest.raises(AuthError, match=r"^The token is invalid\.$"):
        await redeem_ticket(ticket)


async def test_without_redis_there_are_no_tickets(identity: Identity) -> None:
    nowhere = redis.asyncio.Redis.from_url("redis://127.0.0.1:1")
    with mock.patch("auth.tickets.async_redis", return_value=nowhere):
        for attempt in (issue_ticket(identity), redeem_ticket("x" * 43)):
            with pytest.raises(AuthError) as caught:
                await attempt
            assert caught.value.code is ErrorCode.INTERNAL


@pytest.fixture
def _no_provider() -> Iterator[None]:
    provider = tickets._chat_ids_provider
    tickets.provide_chat_ids(tickets.no_chat_ids)
    yield
    tickets.provide_chat_ids(provider)


@pytest.mark.usefixtures("_no_provider")
async def test_chat_ids_come_from_the_provider() -> None:
    assert list(await tickets.chat_ids(7)) == []

    async def provider(user_id: int) -> list[str]:
        return [f"chat of {user_id}"]

    tickets.provide_chat_ids(provider)
    assert list(await tickets.chat_ids(7)) == ["chat of 7"]
