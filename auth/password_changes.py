"""Passwords that Django itself sets: the admin's own password page, `manage.py changepassword`."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from auth import sessions
from auth.models import Session, User
from auth.revocation import RevocationReason


class EndsSessions:
    """Among AUTH_PASSWORD_VALIDATORS for its hook: Django calls it after saving a password that it set.

    The services of `auth.accounts` write the hash themselves and end sessions in the same transaction.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Accept every password."""

    def get_help_text(self) -> str:
        """What the admin's pages say."""
        return "A new password ends every session of the account."

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """End the user's sessions and tokens. A new account has none."""
        del password
        if not isinstance(user, User):
            return
        with transaction.atomic():
            if Session.objects.filter(user_id=user.pk, revoked_at=None).exists():
                sessions.end_all_sessions(sessions.locked_user(user.pk), RevocationReason.PASSWORD_CHANGED)
