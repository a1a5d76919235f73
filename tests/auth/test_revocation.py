"""Revocation: ended tokens are refused at once, with and without Redis, and no others are."""

import dataclasses
from collections.abc import Callable
from unittest import mock

import pytest
from django.db import DatabaseError

from auth import accounts, denylist
from auth.errors import AuthError
from auth.identity import authenticate, require_current
from auth.revocation import Revoked, is_revoked, on_revoked
from auth.sessions import Tokens
from auth.tokens import read_access_token
from foundation.database import in_thread
from foundation.errors import ErrorCode
from foundation.redis import async_redis, sync_redis
from tests.auth.asserting import assert_accepted, assert_refused, redis_away
from tests.auth.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "wrong donkey capacitor"

End = Callable[[Tokens], object]
ENDS: dict[str, End] = {
    "logout": lambda tokens: accounts.logout(tokens.refresh_token),
    "logout everywhere": lambda tokens: accounts.logout(tokens.refresh_token, everywhere=True),
    "reuse": lambda tokens: reuse(tokens),
    "deactivate": lambda tokens: accounts.deactivate(tokens.user.pk),
    "set_password": lambda tokens: accounts.set_password(tokens.user.pk, NEW_PASSWORD),
    "change_password": lambda tokens: change_password(tokens),
}
every_end = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())


def reuse(tokens: Tokens) -> object:
    accounts.refresh(tokens.refresh_token)
    with pytest.raises(AuthError):
        accounts.refresh(tokens.refresh_token)
    return None


def change_password(tokens: Tokens) -> Tokens:
    session_id = read_access_token(tokens.access_token).session_id
    return accounts.change_password(tokens.user.pk, session_id, PASSWORD, NEW_PASSWORD)


@every_end
async def test_ended_tokens_are_refused_and_others_are_accepted(ann: Tokens, end: End) -> None:
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
async def test_redis_may_be_unreachable(ann: Tokens, end: End) -> None:
    bob = await in_thread(accounts.register, "Bob", PASSWORD)
    await assert_accepted(ann)
    with redis_away():
        await assert_accepted(ann)
        await in_thread(end, ann)
        await assert_refused(ann)
        await assert_accepted(bob)


@every_end
async def test_redis_may_have_been_unreachable_when_the_tokens_ended(ann: Tokens, end: End) -> None:
    """The list counts as complete but lacks the entry: this process knows that a write is missing."""
    bob = await in_thread(accounts.register, "Bob", PASSWORD)
    await assert_accepted(ann)
    with redis_away():
        await in_thread(end, ann)
    assert await async_redis().exists(denylist.COMPLETE_KEY)
    assert await denylist.denied_among([read_access_token(ann.access_token)]) == []
    await assert_refused(ann)
    await assert_accepted(bob)
    identity = read_access_token(ann.access_token)
    assert await denylist.denied_among([identity]) == [identity]


async def test_an_entry_that_a_crashed_process_did_not_write_comes_with_the_next_rebuild(ann: Tokens) -> None:
    """The marker expires by itself; the test deletes it instead of waiting."""
    await assert_accepted(ann)
    with mock.patch("auth.denylist.write"):
        await in_thread(accounts.logout, ann.refresh_token)
    assert 0 < await async_redis().ttl(denylist.COMPLETE_KEY) <= 30
    await async_redis().delete(denylist.COMPLETE_KEY)
    await assert_refused(ann)


async def test_within_the_second_of_a_password_change_only_old_tokens_are_refused(
    ann: Tokens,
) -> None:
    """Both have the same `iat`; their epochs differ."""
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


async def test_without_redis_and_database_nobody_gets_in(
    ann: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        redis_away(),
        mock.patch("auth.denylist.revoked_in_database", side_effect=DatabaseError("gone")),
        pytest.raises(AuthError) as caught,
    ):
        await authenticate(ann.access_token)
    assert caught.value.code is ErrorCode.INTERNAL
    assert ann.access_token not in caplog.text


async def test_an_outage_is_logged_when_it_begins_and_when_it_ends(
    ann: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_away():
        for _ in range(3):
            await assert_accepted(ann)
    for _ in range(3):
        await assert_accepted(ann)
    logged = [record.getMessage() for record in caplog.records if record.name == "auth.revocation"]
    assert logged == [
        "Redis is out of reach: revocations are looked up in the database. (ConnectionError)",
        "Recovered: revocations are looked up in Redis again.",
    ]


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


def test_listeners_are_called_after_the_deny_list_is_written(ann: Tokens) -> None:
    """A listener that checks the token must find it refused."""
    key = f"auth:deny:session:{read_access_token(ann.access_token).session_id}"
    found: list[object] = []

    def look(_: Revoked) -> None:
        found.append(sync_redis().exists(key))

    remove = on_revoked(look)
    accounts.logout(ann.refresh_token)
    remove()
    assert found == [1]


async def test_a_later_check_refuses_an_expired_identity(ann: Tokens) -> None:
    identity = read_access_token(ann.access_token)
    with pytest.raises(AuthError, match="expired"):
        await require_current(dataclasses.replace(identity, expires_at=identity.issued_at))
