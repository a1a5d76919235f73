"""Services for accounts: register, log in, change or set a password, deactivate. Synchronous ORM work.

A password is hashed outside any transaction, since that takes a good part of a second on purpose; the write that
follows takes effect only if the row is still as it was checked.
"""

import psycopg
from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from auth import sessions
from auth.errors import AuthError, bad_field, bad_token, wrong_credentials
from auth.models import User
from auth.sessions import Tokens, is_current, locked_user, logout, refresh
from auth.validation import (
    check_new_password,
    clean_display_name,
    clean_email,
    clean_username,
    is_hashable,
    is_username,
)
from foundation.errors import ErrorCode

__all__ = [
    "Tokens",
    "change_password",
    "deactivate",
    "is_current",
    "login",
    "logout",
    "reactivate",
    "refresh",
    "register",
    "set_password",
]


_TAKEN = {
    "user_username_unique": ("username", "This username is taken."),
    "user_email_unique": ("email", "Another account has this e-mail address."),
}


def register(
    username: str, password: str, display_name: str | None = None, email: str | None = None, device: str = ""
) -> Tokens:
    """Create an account and its first session. Without a display name, the username is shown.

    Raises AuthError: BAD_INPUT with `field` (and the validators' sentences for the password), CONFLICT with
    `field` "username" or "email" when that is taken.
    """
    user = User(username=clean_username(username), email=clean_email(email))
    user.display_name = user.username if display_name is None else clean_display_name(display_name)
    check_new_password(password, user)
    user.password = make_password(password)
    user.last_login = timezone.now()
    with transaction.atomic():
        _save(user)
        return sessions.open_session(user, device)


def login(username: str, password: str, device: str = "") -> Tokens:
    """Open a session. An unknown user, a wrong password and a deactivated account look alike, also in time.

    Raises AuthError(UNAUTHENTICATED).
    """
    user = _user_with_password(username, password)
    if user is None:
        raise wrong_credentials()
    with transaction.atomic():
        # Only if the row is still as it was checked: a password change or a deactivation in between wins. The row stays
        # locked until the session is committed, so that neither can miss the session.
        unchanged = User.objects.filter(
            pk=user.pk, password=user.password, token_epoch=user.token_epoch, is_active=True
        )
        if not unchanged.update(last_login=timezone.now()):
            raise wrong_credentials()
        return sessions.open_session(user, device)


def change_password(user_id: int, session_id: str, old_password: str, new_password: str) -> Tokens:
    """Set a new password; every other session and every earlier access token ends.

    Returns a new pair for the given session. Raises AuthError: BAD_INPUT with `field` "oldPassword" or
    "newPassword", UNAUTHENTICATED when the account or the session has ended.
    """
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise bad_token()
    if not _is_password_right(user, old_password):
        raise bad_field("oldPassword", "The old password is wrong.")
    check_new_password(new_password, user, field="newPassword")
    new_hash = make_password(new_password)
    with transaction.atomic():
        current = locked_user(user_id)
        if current.password != user.password or not current.is_active:
            raise bad_token()
        current.password = new_hash
        sessions.end_all_sessions(current, spare=session_id)
        return sessions.renew_session(current, session_id)


def set_password(user_id: int, new_password: str | None) -> None:
    """For operators: set a password without the old one (None: no password works). Every session ends.

    Raises AuthError(NOT_FOUND). Does not check the password's quality: the admin's form does that.
    """
    new_hash = make_password(new_password)
    with transaction.atomic():
        user = locked_user(user_id)
        user.password = new_hash
        sessions.end_all_sessions(user)


def deactivate(user_id: int) -> None:
    """Close an account: all its sessions and tokens end, and nobody can log in. Raises AuthError(NOT_FOUND)."""
    with transaction.atomic():
        user = locked_user(user_id)
        user.is_active = False
        sessions.end_all_sessions(user)


def reactivate(user_id: int) -> None:
    """Reopen a deactivated account; sessions that ended stay ended. Raises AuthError(NOT_FOUND)."""
    with transaction.atomic():
        user = locked_user(user_id)
        user.is_active = True
        user.save(update_fields=["is_active"])


def _user_with_password(username: str, password: str) -> User | None:
    if not is_hashable(password):
        return None
    user = User.objects.named(username) if is_username(username) else None
    if user is None:
        make_password(password)  # takes as long as a check would have
        return None
    return user if _is_password_right(user, password) and user.is_active else None


def _is_password_right(user: User, password: str) -> bool:
    def renew_hash(raw: str) -> None:
        # Only over the hash that was checked: a change in between must not be undone.
        new_hash = make_password(raw)
        if User.objects.filter(pk=user.pk, password=user.password).update(password=new_hash):
            user.password = new_hash

    return is_hashable(password) and check_password(password, user.password, setter=renew_hash)


def _save(user: User) -> None:
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        taken = _TAKEN.get(_violated_constraint(error))
        if taken is None:
            raise
        field, sentence = taken
        raise AuthError(ErrorCode.CONFLICT, sentence, field=field) from None


def _violated_constraint(error: IntegrityError) -> str:
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, psycopg.Error) else ""
