"""The deny-list in Redis: shared rebuilds, races with new entries, and expiry."""

import asyncio
from unittest import mock

import pytest
import redis
import redis.asyncio
from django.db import connection
from django.test.utils import CaptureQueriesContext

from auth import accounts, denylist
from auth.models import Session
from auth.revocation import is_revoked, revoked_among
from auth.sessions import Tokens
from auth.tokens import Identity, read_access_token
from foundation.database import in_thread
from foundation.redis import async_redis
from tests.auth.asserting import assert_accepted, assert_refused, redis_away
from tests.auth.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "wrong donkey capacitor"


def change_password(tokens: Tokens) -> Tokens:
    session_id = read_access_token(tokens.access_token).session_id
    return accounts.change_password(tokens.user.pk, session_id, PASSWORD, NEW_PASSWORD)


async def test_a_thousand_requests_cause_one_rebuild(ann: Tokens) -> None:
    await in_thread(accounts.logout, ann.refresh_token)
    await async_redis().flushall()
    identity = read_access_token(ann.access_token)
    with (
        mock.patch("auth.denylist._read_database", wraps=denylist._read_database) as read,
        mock.patch("auth.denylist.revoked_in_database") as asked,
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
    assert not await async_redis().exists(denylist.COMPLETE_KEY)


async def test_a_rebuild_goes_on_when_the_request_that_started_it_is_cancelled(ann: Tokens) -> None:
    identity = read_access_token(ann.access_token)
    go_on = asyncio.Event()
    rebuilds = mock.Mock()

    async def rebuild() -> bool:
        rebuilds()
        return await go_on.wait()

    async def denied_among(_: object) -> list[object] | None:
        return [] if go_on.is_set() else None

    with mock.patch("auth.denylist.rebuild", rebuild), mock.patch("auth.denylist.denied_among", denied_among):
        first, second = (asyncio.create_task(is_revoked(identity)) for _ in range(2))
        await asyncio.sleep(0)  # both run until they wait for the rebuild: nothing suspends before it
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go_on.set()
        assert await second is False
    assert rebuilds.call_count == 1


async def test_a_rebuild_that_read_too_early_does_not_count_for_a_later_entry(
    ann: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads, then a session ends and Redis does not take the entry, then it writes its marker."""
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
    assert await denylist.denied_among([identity]) == []
    assert await is_revoked(identity) is True
    assert await denylist.denied_among([identity]) == [identity]


async def test_a_rebuild_never_overwrites_a_newer_epoch(ann: Tokens) -> None:
    """The rebuild may have read an older epoch than was written meanwhile."""
    second = await in_thread(change_password, ann)
    read = await in_thread(denylist._read_database)
    assert read.epochs == ((ann.user.pk, 1),)
    await in_thread(accounts.deactivate, ann.user.pk)
    with mock.patch("auth.denylist._read_database", return_value=read):
        assert await denylist.rebuild()
    identity = read_access_token(second.access_token)
    assert await denylist.denied_among([identity]) == [identity]


async def test_entries_expire_after_the_tokens_that_they_deny(ann: Tokens) -> None:
    await in_thread(change_password, ann)
    await in_thread(accounts.login, "Ann", NEW_PASSWORD)
    await in_thread(accounts.deactivate, ann.user.pk)
    await denylist.rebuild()
    keys = [key async for key in async_redis().scan_iter("auth:deny:*")]
    assert len(keys) >= 3
    for key in keys:
        assert 0 < await async_redis().ttl(key) <= denylist.entry_seconds()


async def test_a_rebuild_skips_sessions_that_ended_long_ago(ann: Tokens) -> None:
    await in_thread(accounts.logout, ann.refresh_token)
    session = await in_thread(Session.objects.get)
    assert (await in_thread(denylist._read_database)).session_ids == {str(session.pk)}
    with mock.patch("auth.denylist.entry_seconds", return_value=0):
        assert await in_thread(denylist._read_database) == denylist.Denied()


def test_the_database_is_asked_in_one_query(ann: Tokens) -> None:
    identity, bobs = several(ann, accounts.register("Bob", PASSWORD))
    accounts.logout(accounts.login("Ann", PASSWORD).refresh_token)
    accounts.deactivate(bobs.user_id)
    with CaptureQueriesContext(connection) as queries:
        assert denylist.revoked_in_database([identity, bobs]) == [bobs]
    assert len(queries) == 1


async def test_many_identities_are_one_command_to_redis(ann: Tokens) -> None:
    """One identity is denied by its session, one by its user, and one not at all."""
    bob = await in_thread(accounts.register, "Bob", PASSWORD)
    other = await in_thread(accounts.login, "Ann", PASSWORD)
    ended, bobs, stays = several(other, bob, ann)
    await in_thread(accounts.logout, other.refresh_token)
    await in_thread(accounts.deactivate, bob.user.pk)
    assert await revoked_among([stays]) == []
    client = async_redis()
    with mock.patch.object(client, "execute_command", wraps=client.execute_command) as commands:
        assert await revoked_among([ended, stays, bobs, stays]) == [ended, bobs]
    assert [call.args[0] for call in commands.call_args_list] == ["MGET"]
    with redis_away():
        assert await revoked_among([ended, stays, bobs, stays]) == [ended, bobs]


def several(*tokens: Tokens) -> list[Identity]:
    return [read_access_token(one.access_token) for one in tokens]
