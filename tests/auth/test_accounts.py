"""Accounts: registration, and which sessions a new password ends."""

from collections.abc import Callable
from functools import partial
from unittest import mock

import pytest
from django.conf import LazySettings
from django.contrib.auth.hashers import check_password
from django.db import IntegrityError, transaction

from auth import accounts
from auth.errors import AuthError
from auth.models import Session, User
from auth.revocation import Revoked
from auth.sessions import Tokens
from auth.tokens import read_access_token, read_refresh_token
from foundation.errors import ErrorCode
from tests.auth.asserting import refused
from tests.auth.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "wrong donkey capacitor"
WRONG = "Wrong username or password."


def test_registering_creates_an_account_and_a_session(ann: Tokens) -> None:
    user = User.objects.get()
    assert (user.username, user.display_name, user.email) == ("Ann", "Ann Lee", "ann@example.org")
    assert user.is_active
    assert not user.is_staff
    assert check_password(PASSWORD, user.password)
    session = Session.objects.get()
    assert (session.user_id, session.device, session.revoked_at) == (user.pk, "Test/1.0", None)
    assert session.expires_at == ann.refresh_expires_at
    assert read_access_token(ann.access_token).user_id == ann.user.pk == user.pk
    assert read_access_token(ann.access_token).session_id == str(session.pk)
    assert read_refresh_token(ann.refresh_token).token_id == session.refresh_id
    assert PASSWORD not in repr(ann)
    assert ann.access_token not in repr(ann)
    assert ann.refresh_token not in repr(ann)


def test_the_username_is_the_default_display_name() -> None:
    assert accounts.register("Bob.B-2_x", PASSWORD).user.display_name == "Bob.B-2_x"


@pytest.mark.parametrize(
    "username",
    [
        "",
        "a",
        "a" * 33,
        "a b c",
        "ann\n",
        "ann\x00",
        "änn",
        "ann\ud800",
        "<b>",
        "a" * 10_000_000,
        "Ƙelvin",
        "\u212aim",
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_a_username_must_be_plain(username: str) -> None:
    assert refused(lambda: accounts.register(username, PASSWORD)) == (ErrorCode.BAD_INPUT, "username")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"display_name": ""}, "displayName"),
        ({"display_name": " \n "}, "displayName"),
        ({"display_name": "x" * 65}, "displayName"),
        ({"display_name": "a\x00b"}, "displayName"),
        ({"display_name": "a\u2028b"}, "displayName"),
        ({"display_name": "\ud83d"}, "displayName"),
        ({"display_name": "x" * 10_000_000}, "displayName"),
        ({"email": "nobody"}, "email"),
        ({"email": "a\x00@b.org"}, "email"),
        ({"email": "\udfff@b.org"}, "email"),
        ({"email": "a@" + "b" * 300 + ".org"}, "email"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_an_invalid_display_name_or_email_is_refused(fields: dict[str, str], field: str) -> None:
    assert refused(lambda: accounts.register("Bob", PASSWORD, **fields)) == (ErrorCode.BAD_INPUT, field)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "password", ["short", "password", "1234567890123", "bobby-bobby", "", "\ud800" * 12, "x" * 257]
)
def test_a_weak_or_impossible_password_is_refused(password: str) -> None:
    assert refused(lambda: accounts.register("bobby-bobby", password)) == (ErrorCode.BAD_INPUT, "password")
    assert not User.objects.exists()


def test_the_validators_sentences_reach_the_client() -> None:
    with pytest.raises(AuthError) as caught:
        accounts.register("Bob", "12345")
    assert "too short" in caught.value.message
    assert "too common" in caught.value.message
    assert "entirely numeric" in caught.value.message


def test_a_huge_password_is_never_hashed(settings: LazySettings) -> None:
    with mock.patch("auth.accounts.make_password") as hasher:
        with pytest.raises(AuthError) as caught:
            accounts.register("Bob", "x" * 10_000_000)
        assert refused(lambda: accounts.login("Bob", "x" * 10_000_000)) == (ErrorCode.UNAUTHENTICATED, None)
    assert caught.value.data == {"field": "password", "maxLength": settings.MAX_PASSWORD_LENGTH}
    hasher.assert_not_called()


@pytest.mark.parametrize("password", ["nul\x00nul\x00nul", "пароль для чата", "x" * 256, "🐴🔋📎✅" * 4])
def test_an_unusual_password_works(password: str) -> None:
    accounts.register("Bob", password)
    assert accounts.login("Bob", password).user.username == "Bob"


@pytest.mark.usefixtures("ann")
def test_a_taken_username_or_email_in_any_case_is_a_conflict() -> None:
    assert refused(lambda: accounts.register("aNN", PASSWORD)) == (ErrorCode.CONFLICT, "username")
    assert refused(lambda: accounts.register("Bob", PASSWORD, email="ANN@example.org")) == (
        ErrorCode.CONFLICT,
        "email",
    )
    assert (User.objects.count(), Session.objects.count()) == (1, 1)


def test_any_number_of_users_may_have_no_email() -> None:
    for name, email in (("bob", None), ("cyd", ""), ("dee", "  ")):
        assert accounts.register(name, PASSWORD, email=email).user.email is None


@pytest.mark.parametrize("username", ["a", "a b c", "\xfcn\xfc", "x" * 31 + "\n"])
def test_the_database_checks_the_form_of_usernames(username: str) -> None:
    with pytest.raises(IntegrityError, match="user_username_shape"), transaction.atomic():
        User.objects.bulk_create([User(username=username, display_name="x")])


@pytest.mark.parametrize("service", [accounts.deactivate, accounts.reactivate])
def test_an_unknown_user_is_not_found(service: Callable[[int], object]) -> None:
    assert refused(lambda: service(404)) == (ErrorCode.NOT_FOUND, None)


def test_changing_the_password_ends_all_other_sessions(ann: Tokens, revocations: list[Revoked]) -> None:
    phone = accounts.login("Ann", PASSWORD)
    session_id = read_access_token(phone.access_token).session_id

    fresh = accounts.change_password(ann.user.pk, session_id, PASSWORD, NEW_PASSWORD)

    assert read_access_token(fresh.access_token).session_id == session_id
    epoch = read_access_token(fresh.access_token).epoch
    assert revocations == [Revoked(ann.user.pk, None, epoch)]
    assert revocations[0].covers(read_access_token(phone.access_token))
    assert revocations[0].covers(read_access_token(ann.access_token))
    assert not revocations[0].covers(read_access_token(fresh.access_token))
    assert refused(lambda: accounts.refresh(ann.refresh_token)) == (ErrorCode.UNAUTHENTICATED, None)
    assert refused(lambda: accounts.login("Ann", PASSWORD)) == (ErrorCode.UNAUTHENTICATED, None)
    assert accounts.login("Ann", NEW_PASSWORD)
    assert accounts.refresh(fresh.refresh_token)


def test_the_refresh_token_from_before_a_password_change_ends_the_session(ann: Tokens) -> None:
    session_id = read_access_token(ann.access_token).session_id
    fresh = accounts.change_password(ann.user.pk, session_id, PASSWORD, NEW_PASSWORD)
    for token in (ann.refresh_token, fresh.refresh_token):
        assert refused(partial(accounts.refresh, token)) == (ErrorCode.UNAUTHENTICATED, None)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong", NEW_PASSWORD, "oldPassword"),
        ("x" * 10_000_000, NEW_PASSWORD, "oldPassword"),
        ("\ud800", NEW_PASSWORD, "oldPassword"),
        (PASSWORD, "short", "newPassword"),
        (PASSWORD, "Ann Lee!", "newPassword"),
        (PASSWORD, "\ud800" * 12, "newPassword"),
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_a_refused_password_change_changes_nothing(
    ann: Tokens, revocations: list[Revoked], old: str, new: str, field: str
) -> None:
    session_id = read_access_token(ann.access_token).session_id
    assert refused(lambda: accounts.change_password(ann.user.pk, session_id, old, new)) == (
        ErrorCode.BAD_INPUT,
        field,
    )
    assert revocations == []
    assert accounts.login("Ann", PASSWORD)
    assert accounts.refresh(ann.refresh_token)


def test_an_ended_session_cannot_change_the_password(ann: Tokens, revocations: list[Revoked]) -> None:
    session_id = read_access_token(ann.access_token).session_id
    accounts.logout(ann.refresh_token)
    revocations.clear()
    assert refused(lambda: accounts.change_password(ann.user.pk, session_id, PASSWORD, NEW_PASSWORD)) == (
        ErrorCode.UNAUTHENTICATED,
        None,
    )
    assert revocations == []
    assert accounts.login("Ann", PASSWORD)
