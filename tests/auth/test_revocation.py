"""Revocation: refused at once, whatever Redis forgets, and never because Redis is away."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from unittest import mock

import pytest
import redis
import redis.asyncio
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from auth import accounts, denylist
from auth.errors import AuthError
from auth.identity import authenticate, require_current
from auth.models import Session
from auth.revocation import Revoked, is_revoked, on_revoked
from auth.sessions import Tokens
from auth.tokens import read_access_token
from foundation.database import in_thread
from foundation.errors import ErrorCode
from foundation.redis import async_redis, sync_redis
from tests.auth.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "wrong donkey capacitor"

End = Callable[[Tokens], object]
ENDS: dict[str, End] = {
    "logout": lambda tokens: accounts.logout(tokens.refresh_token),
    "logout everywhere": lambda tokens: accounts.logout(tokens.refresh_token, everywhere=True),
    "reuse": lambda tokens: [accounts.refresh(tokens.refresh_token), reuse(tokens)],
    "deactivate": lambda tokens: accounts.deactivate(tokens.user.pk),
    "set_password": lambda tokens: accounts.set_password(tokens.user.pk, NEW_PASSWORD),
    "change_password": lambda tokens: change_password(tokens),
}
every_end = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())


def reuse(tokens: Tokens) -> None:
    with pytest.raises(AuthError):
        accounts.refresh(tokens.refresh_token)


def change_password(tokens: Tokens) -> Tokens:
    session_id = read_access_token(tokens.access_token).session_id
    return accounts.change_password(tokens.user.pk, session_id, PASSWORD, NEW_PASSWORD)


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
    """Meanwhile nobody listens where the deny-list was."""
    nowhere = {"host": "127.0.0.1", "port": 1}
    with (
        mock.patch("auth.denylist.sync_redis", return_value=redis.Redis(**nowhere, retry=None)),
        mock.patch("auth.denylist.async_redis", return_value=redis.asyncio.Redis(**nowhere, retry=None)),
    ):
        yield


@every_end
async def test_what_ended_is_refused_and_what_did_not_is_accepted(ann: Tokens, end: End) -> None:
    bob = await in_thread(accounts.register, "Bob", PASSWORD)
    await assert_accepted(ann)
    await in_thread(end, ann)
    await assert_refused(ann)
    await assert_accepted(bob)


@every_end
async def test_redis_may_lose_everything(ann: Tokens, end: End) -> None:
    bob = await in_thread(accounts.register, "Bob", PASSWORD)
    await in_thread(end, ann)
    await async_redis().flushall()
    await assert_refused(ann)
    await assert_accepted(bob)


@every_end
async def test_redis_may_be_away(ann: Tokens, end: End) -> None:
    bob = await in_thread(accounts.register, "Bob", PASSWORD)
    await assert_accepted(ann)
    with redis_away():
        await assert_accepted(ann)
        await in_thread(end, ann)
        await assert_refused(ann)
        await assert_accepted(bob)


@every_end
async def test_redis_may_have_been_away_when_it_ended(ann: Tokens, end: End) -> None:
    """The list is whole and lacks the entry: this process knows that it owes one."""
    bob = await in_thread(accounts.register, "Bob", PASSWORD)
    await assert_accepted(ann)
    with redis_away():
        await in_thread(end, ann)
    assert await async_redis().exists(denylist.WHOLE_KEY)
    assert not await denylist.denies(read_access_token(ann.access_token))
    await assert_refused(ann)
    await assert_accepted(bob)
    assert await denylist.denies(read_access_token(ann.access_token))


async def test_an_entry_that_a_dead_process_owed_comes_with_the_next_rebuild(ann: Tokens) -> None:
    """The sentinel ends by itself: here it is told to, as if its seconds were over."""
    await assert_accepted(ann)
    with mock.patch("auth.denylist.write"):
        await in_thread(accounts.logout, ann.refresh_token)
    assert 0 < await async_redis().ttl(denylist.WHOLE_KEY) <= 30
    await async_redis().delete(denylist.WHOLE_KEY)
    await assert_refused(ann)


async def test_in_the_second_of_a_password_change_old_tokens_are_refused_and_new_ones_accepted(
    ann: Tokens,
) -> None:
    """Both carry the same `iat`: it is the epoch that tells them apart."""
    fresh = await in_thread(change_password, ann)
    old, new = read_access_token(ann.access_token), read_access_token(fresh.access_token)
    for identity, revoked in ((old, True), (new, False)):
        assert await is_revoked(dataclasses.replace(identity, issued_at=old.issued_at)) is revoked


async def test_checking_asks_redis_once_and_the_database_never(ann: Tokens) -> None:
    await assert_accepted(ann)
    client = async_redis()
    with (
        mock.patch.object(client, "execute_command", wraps=client.execute_command) as commands,
        mock.patch("auth.revocation.in_thread") as asked,
        mock.patch("auth.denylist.in_thread") as read,
    ):
        await authenticate(ann.access_token)
    assert [call.args[0] for call in commands.call_args_list] == ["MGET"]
    asked.assert_not_called()
    read.assert_not_called()


async def test_a_thousand_requests_cause_one_rebuild(ann: Tokens) -> None:
    await in_thread(accounts.logout, ann.refresh_token)
    await async_redis().flushall()
    identity = read_access_token(ann.access_token)
    with (
        mock.patch("auth.denylist._read_database", wraps=denylist._read_database) as read,
        mock.patch("auth.denylist.is_over_in_database") as asked,
    ):
        answers = await asyncio.gather(*(is_revoked(identity) for _ in range(1000)))
    assert answers == [True] * 1000
    assert read.call_count == 1
    asked.assert_not_called()


async def test_while_another_process_rebuilds_the_database_answers(ann: Tokens) -> None:
    await async_redis().set(denylist.REBUILDING_KEY, "another", ex=10)
    await assert_accepted(ann)
    await in_thread(accounts.logout, ann.refresh_token)
    await assert_refused(ann)
    assert await async_redis().get(denylist.REBUILDING_KEY) == b"another"
    assert not await async_redis().exists(denylist.WHOLE_KEY)


async def test_the_rebuild_goes_on_when_who_started_it_leaves(ann: Tokens) -> None:
    identity = read_access_token(ann.access_token)
    started, go_on = asyncio.Event(), asyncio.Event()
    rebuild = denylist.rebuild

    async def slow() -> bool:
        started.set()
        await go_on.wait()
        return await rebuild()

    with mock.patch("auth.denylist.rebuild", slow):
        first = asyncio.create_task(is_revoked(identity))
        await started.wait()
        second = asyncio.create_task(is_revoked(identity))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go_on.set()
        assert await second is False


async def test_a_rebuild_that_read_too_early_does_not_settle_a_later_debt(
    ann: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads, then a session ends and Redis does not take the entry, then it writes its sentinel."""
    identity = read_access_token(ann.access_token)
    read_database = denylist._read_database

    def read_then_end() -> denylist.Denied:
        read = read_database()
        with mock.patch("auth.denylist.write", side_effect=redis.ConnectionError):
            accounts.logout(ann.refresh_token)
        return read

    with monkeypatch.context() as patch:
        patch.setattr(denylist, "_read_database", read_then_end)
        assert await is_revoked(identity) is True
    assert await denylist.denies(identity) is False
    assert await is_revoked(identity) is True
    assert await denylist.denies(identity) is True


async def test_a_rebuild_never_takes_back_a_newer_epoch(ann: Tokens) -> None:
    second = await in_thread(change_password, ann)
    stale = denylist.Denied(epochs=((ann.user.pk, 1),))
    await in_thread(accounts.deactivate, ann.user.pk)
    await in_thread(denylist.write, stale)
    assert await denylist.rebuild()
    assert await denylist.denies(read_access_token(second.access_token)) is True


async def test_entries_end_with_the_tokens_that_they_deny(ann: Tokens) -> None:
    await in_thread(change_password, ann)
    await in_thread(accounts.login, "Ann", NEW_PASSWORD)
    await in_thread(accounts.deactivate, ann.user.pk)
    await denylist.rebuild()
    keys = [key async for key in async_redis().scan_iter("auth:deny:*")]
    assert len(keys) >= 3
    for key in keys:
        assert 0 < await async_redis().ttl(key) <= denylist.entry_seconds()


async def test_what_ended_long_ago_is_not_read_again(ann: Tokens) -> None:
    await in_thread(accounts.logout, ann.refresh_token)
    session = await in_thread(Session.objects.get)
    assert (await in_thread(denylist._read_database)).session_ids == {str(session.pk)}
    with mock.patch("auth.denylist.entry_seconds", return_value=0):
        assert await in_thread(denylist._read_database) == denylist.Denied()


async def test_without_redis_and_database_nobody_gets_in(
    ann: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        redis_away(),
        mock.patch("auth.denylist.is_over_in_database", side_effect=DatabaseError("gone")),
        pytest.raises(AuthError) as caught,
    ):
        await authenticate(ann.access_token)
    assert caught.value.code is ErrorCode.INTERNAL
    assert ann.access_token not in caplog.text


async def test_an_outage_is_said_when_it_begins_and_when_it_ends(
    ann: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_away():
        for _ in range(3):
            await assert_accepted(ann)
    for _ in range(3):
        await assert_accepted(ann)
    said = [record.getMessage() for record in caplog.records if record.name == "auth.revocation"]
    consequence = "Redis is out of reach: the database says what is revoked."
    assert said == [f"{consequence} (ConnectionError)", f"It is over: {consequence}"]


def test_a_failing_listener_stops_no_other_and_no_revocation(
    ann: Tokens, revocations: list[Revoked], caplog: pytest.LogCaptureFixture
) -> None:
    later: list[Revoked] = []

    def fail(revoked: Revoked) -> None:
        raise RuntimeError("no")

    removals = [on_revoked(fail), on_revoked(later.append)]
    try:
        accounts.logout(ann.refresh_token)
    finally:
        for remove in removals:
            remove()
    assert len(revocations) == 1
    assert later == revocations
    assert "A listener to revocations failed" in caplog.text
    assert sync_redis().exists(f"auth:deny:session:{read_access_token(ann.access_token).session_id}")


def test_listeners_hear_after_the_deny_list_is_written(ann: Tokens) -> None:
    """Who reacts by checking the token must find it refused."""
    key = f"auth:deny:session:{read_access_token(ann.access_token).session_id}"
    found: list[object] = []

    def look(_: Revoked) -> None:
        found.append(sync_redis().exists(key))

    remove = on_revoked(look)
    accounts.logout(ann.refresh_token)
    remove()
    assert found == [1]


def test_the_database_is_asked_one_question(ann: Tokens) -> None:
    identity = read_access_token(ann.access_token)
    with CaptureQueriesContext(connection) as queries:
        assert denylist.is_over_in_database(identity) is False
    assert len(queries) == 1


async def test_an_identity_that_is_kept_expires(ann: Tokens) -> None:
    identity = read_access_token(ann.access_token)
    with pytest.raises(AuthError, match="expired"):
        await require_current(dataclasses.replace(identity, expires_at=identity.issued_at))
