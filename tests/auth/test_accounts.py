"""Accounts: who may be made, who gets in, what a change of password ends."""

from collections.abc import Callable
from datetime import timedelta
from unittest import mock

import pytest
from django.conf import LazySettings
from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from auth import accounts
from auth.errors import AuthError
from auth.models import Session, User
from auth.revocation import RevocationReason, Revoked
from auth.sessions import Tokens
from auth.tokens import read_access_token, read_refresh_token
from foundation.errors import ErrorCode
from tests.auth.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "wrong donkey capacitor"
WRONG = "Wrong username or password."


def statements(queries: CaptureQueriesContext) -> list[str]:
    """The first words of what was asked of the database."""
    return [" ".join(query["sql"].split()[:2]) for query in queries.captured_queries]


def refused(call: Callable[[], object]) -> tuple[ErrorCode, object]:
    """Code and field of the refusal."""
    with pytest.raises(AuthError) as caught:
        call()
    return caught.value.code, caught.value.data.get("field")


def test_registering_makes_an_account_and_a_session(ann: Tokens) -> None:
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


def test_the_username_is_shown_when_no_name_is_given() -> None:
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
def test_a_profile_must_be_fit_to_print(fields: dict[str, str], field: str) -> None:
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
def test_a_taken_name_or_address_is_a_conflict_in_any_case() -> None:
    assert refused(lambda: accounts.register("aNN", PASSWORD)) == (ErrorCode.CONFLICT, "username")
    assert refused(lambda: accounts.register("Bob", PASSWORD, email="ANN@example.org")) == (
        ErrorCode.CONFLICT,
        "email",
    )
    assert (User.objects.count(), Session.objects.count()) == (1, 1)


def test_any_number_of_people_have_no_address() -> None:
    for name, email in (("bob", None), ("cyd", ""), ("dee", "  ")):
        assert accounts.register(name, PASSWORD, email=email).user.email is None


@pytest.mark.parametrize("username", ["a", "a b c", "\xfcn\xfc", "x" * 31 + "\n"])
def test_the_database_holds_the_shape_of_usernames(username: str) -> None:
    with pytest.raises(IntegrityError, match="user_username_shape"), transaction.atomic():
        User.objects.bulk_create([User(username=username, display_name="x")])


def test_login_finds_the_name_in_any_case_and_says_it_as_typed(ann: Tokens) -> None:
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
    """Bob is deactivated. Time itself is no measure in a test; what costs the time is the hasher."""
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


@pytest.mark.parametrize("service", [accounts.deactivate, accounts.reactivate, accounts.update_profile])
def test_who_does_not_exist_is_not_found(service: Callable[[int], object]) -> None:
    assert refused(lambda: service(404)) == (ErrorCode.NOT_FOUND, None)


def test_a_password_change_during_a_login_wins(ann: Tokens) -> None:
    """The old password was right when it was checked, and no longer when the session is opened."""
    checked = accounts._checked_user

    def check_then_change(username: str, password: str) -> User | None:
        user = checked(username, password)
        accounts.set_password(ann.user.pk, NEW_PASSWORD)
        return user

    with mock.patch("auth.accounts._checked_user", check_then_change):
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


def test_changing_the_password_ends_all_but_the_session_it_came_from(
    ann: Tokens, revocations: list[Revoked]
) -> None:
    phone = accounts.login("Ann", PASSWORD)
    session_id = read_access_token(phone.access_token).session_id

    fresh = accounts.change_password(ann.user.pk, session_id, PASSWORD, NEW_PASSWORD)

    assert read_access_token(fresh.access_token).session_id == session_id
    epoch = read_access_token(fresh.access_token).epoch
    assert revocations == [Revoked(ann.user.pk, None, RevocationReason.PASSWORD_CHANGED, epoch)]
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
        assert refused(lambda token=token: accounts.refresh(token)) == (ErrorCode.UNAUTHENTICATED, None)


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


def test_a_profile_changes_where_something_is_given(ann: Tokens) -> None:
    user = accounts.update_profile(
        ann.user.pk, display_name=" Ann B. ", avatar_url="https://example.org/a.png"
    )
    assert (user.display_name, user.avatar_url, user.email) == (
        "Ann B.",
        "https://example.org/a.png",
        "ann@example.org",
    )
    user = accounts.update_profile(ann.user.pk, avatar_url=None, email="")
    user.refresh_from_db()
    assert (user.display_name, user.avatar_url, user.email) == ("Ann B.", None, None)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://a.org/x", "http://", "https://a.org/" + "x" * 500, "//a"]
)
def test_an_avatar_is_a_web_address(ann: Tokens, url: str) -> None:
    assert refused(lambda: accounts.update_profile(ann.user.pk, avatar_url=url)) == (
        ErrorCode.BAD_INPUT,
        "avatarUrl",
    )


def test_a_profile_cannot_take_anothers_address(ann: Tokens) -> None:
    bob = accounts.register("Bob", PASSWORD).user
    assert refused(lambda: accounts.update_profile(bob.pk, email=ann.user.email)) == (
        ErrorCode.CONFLICT,
        "email",
    )


def test_sessions_are_bounded_and_the_longest_unused_one_makes_room(
    settings: LazySettings, ann: Tokens, revocations: list[Revoked]
) -> None:
    settings.SESSIONS_PER_USER = 2
    phone = accounts.login("Ann", PASSWORD)
    desk = accounts.refresh(ann.refresh_token)  # used last, though opened first

    accounts.login("Ann", PASSWORD)

    ended = read_access_token(phone.access_token).session_id
    assert revocations == [Revoked(ann.user.pk, frozenset({ended}), RevocationReason.SIGNED_OUT)]
    assert refused(lambda: accounts.refresh(phone.refresh_token)) == (ErrorCode.UNAUTHENTICATED, None)
    assert accounts.refresh(desk.refresh_token)


def test_sessions_that_nothing_needs_any_more_are_forgotten(settings: LazySettings, ann: Tokens) -> None:
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
