"""Accounts and their sessions."""

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

USERNAME_PATTERN = r"^[A-Za-z0-9_.-]{2,32}\Z"


class UserManager(BaseUserManager["User"]):
    """Finds users by username without regard to case, and creates accounts for Django's own commands."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of that name, in any case. Raises `User.DoesNotExist`."""
        # Lower() is what the unique index is built on; `iexact` would compare UPPER() and scan the table.
        return self.alias(folded=Lower("username")).get(folded=(username or "").lower())

    def named(self, username: str) -> "User | None":
        """The user of that name, in any case; None when there is none."""
        try:
            return self.get_by_natural_key(username)
        except self.model.DoesNotExist:
            return None

    def create_user(self, username: str, password: str | None = None, **fields: object) -> "User":
        """Insert an account without checks; clients register through `auth.accounts.register`."""
        fields.setdefault("display_name", username)
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: object) -> "User":
        """Insert an account that may do everything in the admin."""
        return self.create_user(username, password, **{**fields, "is_staff": True, "is_superuser": True})


class User(AbstractBaseUser, PermissionsMixin):
    """A person or a bot. Only `auth.accounts` changes rows, since most changes revoke tokens."""

    id = models.BigAutoField(primary_key=True)
    username = models.CharField(
        max_length=32,
        validators=[RegexValidator(USERNAME_PATTERN, "Use 2 to 32 letters, digits, '_', '.' or '-'.")],
        help_text="Kept as typed, unique without regard to case.",
    )
    display_name = models.CharField(max_length=64)
    # Null, never "": clients see null, and the unique index lets any number of users have no email.
    email = models.EmailField(max_length=254, null=True, blank=True)  # noqa: DJ001
    avatar_url = models.URLField(max_length=500, null=True, blank=True)  # noqa: DJ001
    is_bot = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May log in to the admin.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    token_epoch = models.PositiveIntegerField(
        default=0, editable=False, help_text="Access tokens of an earlier epoch are refused."
    )
    token_epoch_at = models.DateTimeField(null=True, editable=False, help_text="When the epoch last moved.")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (
            models.UniqueConstraint(Lower("username"), name="user_username_unique"),
            models.UniqueConstraint(Lower("email"), name="user_email_unique"),
            models.CheckConstraint(
                condition=models.Q(username__regex=r"^[A-Za-z0-9_.-]{2,32}$"), name="user_username_shape"
            ),
            models.CheckConstraint(condition=~models.Q(display_name=""), name="user_display_name_not_empty"),
        )
        indexes = (
            # Read by a rebuild of the deny-list: nearly always empty.
            models.Index(
                fields=["token_epoch_at"],
                name="user_epoch_moved",
                condition=models.Q(token_epoch_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        """The name shown to others."""
        return self.display_name

    def get_short_name(self) -> str:
        """The name shown to others."""
        return self.display_name


class Session(models.Model):
    """One login of one device. Each of its tokens names it, and ending it ends them all."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(help_text="When the newest refresh token ends.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    device = models.CharField(max_length=120, blank=True, default="")
    refresh_id = models.CharField(
        max_length=32, editable=False, help_text="The `jti` of the one refresh token that still works."
    )

    class Meta:
        indexes = (
            models.Index(
                fields=["revoked_at"], name="session_revoked", condition=models.Q(revoked_at__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"session {self.id} of user {self.user_id}"
