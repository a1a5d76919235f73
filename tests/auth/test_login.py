"""Login: every failure looks alike, and a change of the account during a login wins."""

from unittest import mock

import pytest
from django.conf import LazySettings
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext

from auth import accounts
from auth.errors import AuthError
from auth.models import Session, User
from auth.sessions import Tokens
from auth.tokens import read_access_token
from foundation.errors import ErrorCode
from tests.auth.asserting import refused, statements
from tests.auth.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "wrong donkey capacitor"
WRONG = "Wrong username or password."


def test_login_finds_the_username_in_any_case_and_returns_it_as_registered(ann: Tokens) -> None:
    tokens = accounts.login("aNn", PASSWORD, "Phone\r\nX-Evil: 1" + "\x00" + "y" * 500)
    assert tokens.user.username == "Ann"
    assert read_access_token(tokens.access_token).session_id != read_access_token(ann.access_token).session_id
    device = Session.objects.get(pk=read_access_token(tokens.access_token).session_id).device
    assert device.startswith("PhoneX-Evil: 1yyy")
    assert len(device) <= 120


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("Ann", PASSWORD + "."),
        ("Ann", ""),
        ("Ann", "\ud800"),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("Ann\x00", PASSWORD),
        ("\ud800", PASSWORD),
        ("A\u0274n", PASSWORD),
        ("Ann" * 1_000_000, PASSWORD),
    ],
    ids=lambda text: ascii(text)[:20],
)
@pytest.mark.usefixtures("ann")
def test_every_failed_login_looks_alike(username: str, password: str) -> None:
    with pytest.raises(AuthError) as caught:
        accounts.login(username, password)
    assert (caught.value.code, caught.value.message, caught.value.data) == (
        ErrorCode.UNAUTHENTICATED,
        WRONG,
        {},
    )
    assert Session.objects.count() == 1


@pytest.mark.parametrize("username", ["Ann", "Bob", "nobody"])
def test_every_failed_login_hashes_once(ann: Tokens, username: str) -> None:
    """Bob is deactivated. A test cannot measure the time itself, so it counts the hashes, which take the time."""
    accounts.deactivate(accounts.register("Bob", PASSWORD).user.pk)
    encode = "django.contrib.auth.hashers.MD5PasswordHasher.encode"
    real = make_password("x")
    with mock.patch(encode, return_value=real) as hasher, pytest.raises(AuthError):
        accounts.login(username, NEW_PASSWORD)
    assert hasher.call_count == 1
    assert ann.user.is_active


def test_a_deactivated_account_cannot_log_in_until_it_is_reactivated(ann: Tokens) -> None:
    accounts.deactivate(ann.user.pk)
    assert refused(lambda: accounts.login("Ann", PASSWORD)) == (ErrorCode.UNAUTHENTICATED, None)
    accounts.reactivate(ann.user.pk)
    assert accounts.login("Ann", PASSWORD).user.is_active
    assert refused(lambda: accounts.refresh(ann.refresh_token)) == (ErrorCode.UNAUTHENTICATED, None)


def test_a_password_change_during_a_login_wins(ann: Tokens) -> None:
    """The old password is right when it is checked, but no longer when the session is opened."""
    checked = accounts._user_with_password

    def check_then_change(username: str, password: str) -> User | None:
        user = checked(username, password)
        accounts.set_password(ann.user.pk, NEW_PASSWORD)
        return user

    with mock.patch("auth.accounts._user_with_password", check_then_change):
        assert refused(lambda: accounts.login("Ann", PASSWORD)) == (ErrorCode.UNAUTHENTICATED, None)
    assert not Session.objects.filter(revoked_at=None).exists()


def test_an_old_hash_is_renewed_by_a_login(settings: LazySettings, ann: Tokens) -> None:
    fast, old = settings.PASSWORD_HASHERS[0], "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher"
    settings.PASSWORD_HASHERS = [fast, old]
    User.objects.update(password=make_password(PASSWORD, hasher="pbkdf2_sha1"))
    accounts.login("Ann", PASSWORD)
    assert User.objects.get(pk=ann.user.pk).password.startswith("md5$")
    accounts.login("Ann", PASSWORD)


@pytest.mark.usefixtures("ann")
def test_login_asks_the_database_seven_times() -> None:
    with CaptureQueriesContext(connection) as queries:
        accounts.login("Ann", PASSWORD)
    assert statements(queries) == [
        'SELECT "accounts_user"."password",',
        "BEGIN",
        'UPDATE "accounts_user"',
        "DELETE FROM",
        'SELECT "accounts_session"."id"',
        "INSERT INTO",
        "COMMIT",
    ]
