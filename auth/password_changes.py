"""Ends a user's sessions when Django itself sets a password: in the admin, by `manage.py changepassword`."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from auth import sessions
from auth.models import Session, User


class EndsSessions:
    """A password validator for the sake of its hook: Django calls `password_changed` after it has saved a password.

    The services of `auth.accounts` write the hash themselves and end sessions in the same transaction.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Accept every password."""

    def get_help_text(self) -> str:
        """The text on the admin's pages."""
        return "A new password ends every session of the account."

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """End the user's sessions and tokens, if there are any: a new account has none."""
        del password
        if not isinstance(user, User):
            return
        with transaction.atomic():
            if Session.objects.filter(user_id=user.pk, revoked_at=None).exists():
                sessions.end_all_sessions(sessions.locked_user(user.pk))
