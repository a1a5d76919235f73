"""Sessions: refresh tokens work once, also in a race; logouts, reuse and limits end sessions."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from auth import accounts
from auth.errors import AuthError
from auth.models import Session, User
from auth.revocation import Revoked
from auth.sessions import Tokens
from auth.tokens import new_refresh_token, read_access_token
from foundation.errors import ErrorCode
from tests.auth.asserting import statements
from tests.auth.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def session_of(tokens: Tokens) -> str:
    return read_access_token(tokens.access_token).session_id


def assert_refused(call: Callable[[], object]) -> None:
    with pytest.raises(AuthError, match=r"^The token is invalid\.$") as caught:
        call()
    assert caught.value.code is ErrorCode.UNAUTHENTICATED


def in_parallel(count: int, call: Callable[[], object]) -> list[object]:
    """Call it on `count` threads at once; returns their results, or the AuthErrors raised."""
    barrier = threading.Barrier(count)

    def attempt(_: int) -> object:
        barrier.wait(timeout=30)
        try:
            return call()
        except AuthError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(attempt, range(count)))


def test_a_refresh_gives_a_new_pair_of_the_same_session(ann: Tokens, revocations: list[Revoked]) -> None:
    fresh = accounts.refresh(ann.refresh_token)
    assert session_of(fresh) == session_of(ann)
    assert fresh.refresh_token != ann.refresh_token
    assert fresh.access_token != ann.access_token
    assert fresh.user == ann.user
    session = Session.objects.get()
    assert session.expires_at == fresh.refresh_expires_at
    assert session.last_used_at > session.created_at
    assert accounts.refresh(fresh.refresh_token)
    assert revocations == []


def test_a_reused_refresh_token_ends_its_whole_session(ann: Tokens, revocations: list[Revoked]) -> None:
    phone = accounts.login("Ann", PASSWORD)
    fresh = accounts.refresh(ann.refresh_token)

    assert_refused(lambda: accounts.refresh(ann.refresh_token))

    reused = Revoked(ann.user.pk, frozenset({session_of(ann)}))
    assert revocations == [reused]
    assert_refused(lambda: accounts.refresh(fresh.refresh_token))
    assert_refused(lambda: accounts.refresh(ann.refresh_token))
    assert revocations == [reused]
    assert accounts.refresh(phone.refresh_token)


def test_of_many_refreshes_at_once_one_wins_and_the_session_ends(
    ann: Tokens, revocations: list[Revoked]
) -> None:
    answers = in_parallel(6, lambda: accounts.refresh(ann.refresh_token))

    won = [answer for answer in answers if isinstance(answer, Tokens)]
    assert len(won) == 1
    assert revocations == [Revoked(ann.user.pk, frozenset({session_of(ann)}))]
    assert_refused(lambda: accounts.refresh(won[0].refresh_token))


def test_refresh_sends_four_statements(ann: Tokens) -> None:
    with CaptureQueriesContext(connection) as queries:
        accounts.refresh(ann.refresh_token)
    assert statements(queries) == [
        "BEGIN",
        'UPDATE "accounts_session"',
        'SELECT "accounts_user"."password",',
        "COMMIT",
    ]


def test_a_signed_token_without_a_session_is_refused(ann: Tokens, revocations: list[Revoked]) -> None:
    user_id, session_id = ann.user.pk, session_of(ann)
    for token in (new_refresh_token(user_id, str(uuid.uuid4())), new_refresh_token(user_id + 1, session_id)):
        assert_refused(partial(accounts.refresh, token.text))
        assert accounts.logout(token.text) is False
    assert revocations == []
    assert accounts.refresh(ann.refresh_token)


def test_an_expired_session_is_not_renewed(ann: Tokens) -> None:
    Session.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not accounts.is_current(ann.refresh_token)
    assert_refused(lambda: accounts.refresh(ann.refresh_token))


def test_the_session_of_an_inactive_user_is_not_renewed(ann: Tokens) -> None:
    """Deactivating ends the sessions, but a manual change of the row does not."""
    User.objects.update(is_active=False)
    assert_refused(lambda: accounts.refresh(ann.refresh_token))


def test_an_expired_refresh_token_says_so(settings: LazySettings) -> None:
    settings.REFRESH_TOKEN_SECONDS = -1
    token = new_refresh_token(1, str(uuid.uuid4()))
    for service in (accounts.refresh, accounts.logout, accounts.is_current):
        with pytest.raises(AuthError, match="expired"):
            service(token.text)


def test_logout_ends_one_session(ann: Tokens, revocations: list[Revoked]) -> None:
    phone = accounts.login("Ann", PASSWORD)

    assert accounts.logout(phone.refresh_token) is True

    assert revocations == [Revoked(ann.user.pk, frozenset({session_of(phone)}))]
    assert not accounts.is_current(phone.refresh_token)
    assert_refused(lambda: accounts.refresh(phone.refresh_token))
    assert accounts.logout(phone.refresh_token) is False
    assert accounts.logout(phone.refresh_token, everywhere=True) is False
    assert len(revocations) == 1
    assert accounts.refresh(ann.refresh_token)


def test_logout_everywhere_ends_all_sessions_and_spares_later_ones(
    ann: Tokens, revocations: list[Revoked]
) -> None:
    phone = accounts.login("Ann", PASSWORD)
    bob = accounts.register("Bob", PASSWORD)

    assert accounts.logout(phone.refresh_token, everywhere=True) is True

    later = accounts.login("Ann", PASSWORD)
    assert revocations == [Revoked(ann.user.pk, None, epoch=1)]
    covered = [
        revocations[0].covers(read_access_token(tokens.access_token)) for tokens in (ann, phone, later, bob)
    ]
    assert covered == [True, True, False, False]
    assert_refused(lambda: accounts.refresh(ann.refresh_token))
    assert accounts.refresh(later.refresh_token)
    assert accounts.refresh(bob.refresh_token)


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_logout_with_an_exchanged_token_is_a_reuse(
    ann: Tokens, revocations: list[Revoked], everywhere: bool
) -> None:
    """A stolen old token can end its own session, as by a refresh, but not all the others."""
    phone = accounts.login("Ann", PASSWORD)
    accounts.refresh(ann.refresh_token)
    assert_refused(lambda: accounts.logout(ann.refresh_token, everywhere))
    assert revocations == [Revoked(ann.user.pk, frozenset({session_of(ann)}))]
    assert accounts.refresh(phone.refresh_token)


def test_of_many_logouts_at_once_one_ends_the_session(ann: Tokens, revocations: list[Revoked]) -> None:
    answers = in_parallel(6, lambda: accounts.logout(ann.refresh_token))
    assert sorted(map(str, answers)) == ["False"] * 5 + ["True"]
    assert len(revocations) == 1


def test_no_older_session_survives_a_race_of_logins_and_a_logout_everywhere(ann: Tokens) -> None:
    """Whatever the order, a session that survives was opened after the logout, with its epoch."""

    def either(turns: list[bool] = [True] + [False] * 5) -> object:
        if turns.pop():
            return accounts.logout(ann.refresh_token, everywhere=True)
        return accounts.login("Ann", PASSWORD)

    answers = in_parallel(6, either)

    epoch = User.objects.get().token_epoch
    assert epoch == 1
    for tokens in answers:
        if isinstance(tokens, Tokens):
            lives = Session.objects.get(pk=session_of(tokens)).revoked_at is None
            assert lives == (read_access_token(tokens.access_token).epoch == epoch)


def test_deactivating_ends_everything(ann: Tokens, revocations: list[Revoked]) -> None:
    accounts.deactivate(ann.user.pk)
    assert revocations == [Revoked(ann.user.pk, None, epoch=1)]
    assert_refused(lambda: accounts.refresh(ann.refresh_token))


def test_a_rolled_back_revocation_reaches_no_listener(ann: Tokens, revocations: list[Revoked]) -> None:
    with transaction.atomic():
        accounts.deactivate(ann.user.pk)
        transaction.set_rollback(True)
    assert revocations == []
    assert accounts.refresh(ann.refresh_token)


def test_above_the_limit_the_longest_unused_session_ends(
    settings: LazySettings, ann: Tokens, revocations: list[Revoked]
) -> None:
    settings.SESSIONS_PER_USER = 2
    phone = accounts.login("Ann", PASSWORD)
    desk = accounts.refresh(ann.refresh_token)  # used last, though opened first

    accounts.login("Ann", PASSWORD)

    ended = read_access_token(phone.access_token).session_id
    assert revocations == [Revoked(ann.user.pk, frozenset({ended}))]
    assert_refused(lambda: accounts.refresh(phone.refresh_token))
    assert accounts.refresh(desk.refresh_token)


def test_sessions_that_nothing_needs_any_more_are_deleted(settings: LazySettings, ann: Tokens) -> None:
    now = timezone.now()
    expired, revoked, recent = (
        read_access_token(accounts.login("Ann", PASSWORD).access_token).session_id for _ in range(3)
    )
    Session.objects.filter(pk=expired).update(expires_at=now - timedelta(seconds=1))
    Session.objects.filter(pk=recent).update(revoked_at=now)
    Session.objects.filter(pk=revoked).update(
        revoked_at=now - timedelta(seconds=settings.ACCESS_TOKEN_SECONDS + 61)
    )
    accounts.login("Ann", PASSWORD)
    left = {str(pk) for pk in Session.objects.values_list("pk", flat=True)}
    assert {expired, revoked} & left == set()
    assert {recent, read_access_token(ann.access_token).session_id} <= left
