"""The admin: deactivating an account and setting a password end its tokens at once, through the services."""

import io
from collections.abc import Iterator
from unittest import mock

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client

from auth import accounts
from auth.models import User
from auth.revocation import Revoked
from auth.sessions import Tokens
from auth.tokens import read_access_token
from tests.auth.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.auth.urls")]

NEW_PASSWORD = "wrong donkey capacitor"


@pytest.fixture
def operator(transactional_db: None) -> User:
    return User.objects.create_superuser("Root", PASSWORD)


@pytest.fixture
def client(operator: User) -> Client:
    client = Client()
    assert client.login(username="rOOt", password=PASSWORD)
    return client


def form_of(user: User, **changes: object) -> dict[str, object]:
    """The form that the page of a user posts."""
    fields = {
        "username": user.username,
        "display_name": user.display_name,
        "email": user.email or "",
        "avatar_url": user.avatar_url or "",
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not False}


def post(client: Client, path: str, form: dict[str, object]) -> None:
    response = client.post(f"/admin/{path}", form)
    assert response.status_code == 302, response.content.decode()


def test_deactivating_revokes_at_once_and_reactivating_allows_logins(
    client: Client, ann: Tokens, revocations: list[Revoked]
) -> None:
    page = f"accounts/user/{ann.user.pk}/change/"
    post(client, page, form_of(ann.user, is_active=False, display_name="Ann C."))
    assert revocations == [Revoked(ann.user.pk, None, epoch=1)]
    user = User.objects.get(pk=ann.user.pk)
    assert (user.is_active, user.display_name) == (False, "Ann C.")

    post(client, page, form_of(user, is_active=True))
    assert len(revocations) == 1
    assert accounts.login("Ann", PASSWORD).user.is_active


def test_a_change_that_ends_no_session_writes_only_the_edited_fields(
    client: Client, ann: Tokens, revocations: list[Revoked]
) -> None:
    """The row may have changed since the page read it: here its epoch and its password."""
    save = User.save

    def save_late(user: User, *args: object, **kwargs: object) -> None:
        if user.display_name == "Ann C.":
            User.objects.filter(pk=user.pk).update(token_epoch=9, password="!new")
        save(user, *args, **kwargs)  # type: ignore[arg-type]

    with mock.patch.object(User, "save", save_late):
        form = form_of(ann.user, display_name="Ann C.", email="", is_staff=True)
        post(client, f"accounts/user/{ann.user.pk}/change/", form)
    user = User.objects.get(pk=ann.user.pk)
    assert (user.display_name, user.email, user.is_staff) == ("Ann C.", None, True)
    assert (user.token_epoch, user.password) == (9, "!new")
    assert revocations == []


def test_setting_a_password_revokes_at_once(client: Client, ann: Tokens, revocations: list[Revoked]) -> None:
    form: dict[str, object] = {
        "password1": NEW_PASSWORD,
        "password2": NEW_PASSWORD,
        "usable_password": "true",
        "set-password": "Set",
    }
    post(client, f"accounts/user/{ann.user.pk}/password/", form)
    assert revocations == [Revoked(ann.user.pk, None, epoch=1)]
    assert revocations[0].covers(read_access_token(ann.access_token))
    assert accounts.login("Ann", NEW_PASSWORD)


def test_removing_the_password_revokes_at_once(
    client: Client, ann: Tokens, revocations: list[Revoked]
) -> None:
    post(
        client,
        f"accounts/user/{ann.user.pk}/password/",
        {"usable_password": "false", "unset-password": "Disable"},
    )
    assert revocations == [Revoked(ann.user.pk, None, epoch=1)]
    assert not User.objects.get(pk=ann.user.pk).has_usable_password()


def test_an_operators_own_password_page_revokes_at_once(
    client: Client, operator: User, revocations: list[Revoked]
) -> None:
    accounts.login("Root", PASSWORD)
    form: dict[str, object] = {
        "old_password": PASSWORD,
        "new_password1": NEW_PASSWORD,
        "new_password2": NEW_PASSWORD,
    }
    post(client, "password_change/", form)
    assert revocations == [Revoked(operator.pk, None, epoch=1)]
    assert accounts.login("Root", NEW_PASSWORD)


@pytest.fixture
def _typed() -> Iterator[None]:
    with mock.patch("getpass.getpass", return_value=NEW_PASSWORD):
        yield


@pytest.mark.usefixtures("_typed")
def test_the_changepassword_command_revokes_at_once(ann: Tokens, revocations: list[Revoked]) -> None:
    call_command("changepassword", "Ann", stdout=io.StringIO())
    assert [revoked.user_id for revoked in revocations] == [ann.user.pk]
    assert accounts.login("Ann", NEW_PASSWORD)


def test_an_account_is_created_with_a_password(client: Client) -> None:
    form: dict[str, object] = {
        "username": "Bob",
        "display_name": "Bob",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    post(client, "accounts/user/add/", form)
    assert accounts.login("bob", PASSWORD).user.display_name == "Bob"


def test_nothing_can_be_deleted_and_sessions_are_read_only(client: Client, ann: Tokens) -> None:
    session_id = read_access_token(ann.access_token).session_id
    for path, status in (
        (f"accounts/user/{ann.user.pk}/delete/", 403),
        ("accounts/user/", 200),
        (f"accounts/user/{ann.user.pk}/change/", 200),
        ("accounts/user/add/", 200),
        ("accounts/session/", 200),
        ("accounts/session/add/", 403),
        (f"accounts/session/{session_id}/change/", 200),
        (f"accounts/session/{session_id}/delete/", 403),
    ):
        assert client.get(f"/admin/{path}").status_code == status, path
    assert client.post(f"/admin/accounts/session/{session_id}/change/", {}).status_code == 403


def test_logins_to_the_admin_are_under_the_rate_limits_of_logins(
    operator: User, settings: LazySettings
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "login_username": "3/minute"}
    stranger = Client()
    form = {"username": "root", "password": "wrong"}
    for _ in range(3):
        assert stranger.post("/admin/login/", form).status_code == 200
    with mock.patch.object(User, "check_password") as check_password:
        assert stranger.post("/admin/login/", {**form, "password": PASSWORD}).status_code == 200
    check_password.assert_not_called()
    assert "_auth_user_id" not in stranger.session
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "login_username": "4/minute"}
    assert stranger.post("/admin/login/", {**form, "password": PASSWORD}).status_code == 302
    assert stranger.session["_auth_user_id"] == str(operator.pk)
