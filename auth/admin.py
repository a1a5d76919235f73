"""Accounts and sessions in the admin. Changes that end tokens go through the services, so that they hold at once."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, BaseUserCreationForm
from django.db import models
from django.forms import Form
from django.http import HttpRequest

from auth import accounts
from auth.models import Session, User

if TYPE_CHECKING:  # only the type checker sees these classes as generic
    PasswordChangeBase = AdminPasswordChangeForm[User]
    NewUserBase = BaseUserCreationForm[User]
    UserAdminBase = DjangoUserAdmin[User]
    SessionAdminBase = admin.ModelAdmin[Session]
else:
    PasswordChangeBase = AdminPasswordChangeForm
    NewUserBase = BaseUserCreationForm
    UserAdminBase = DjangoUserAdmin
    SessionAdminBase = admin.ModelAdmin


class PasswordForm(PasswordChangeBase):
    """Sets a password through the service: every session of the user ends."""

    def save(self, commit: bool = True) -> User:
        """Set the password. Ignores `commit`: the admin never passes False."""
        del commit
        is_usable = self.cleaned_data.get("set_usable_password", True)
        accounts.set_password(self.user.pk, self.cleaned_data["password1"] or None if is_usable else None)
        self.user.refresh_from_db()
        return self.user


class NewUserForm(NewUserBase):
    """Creates an account with a password."""

    class Meta:
        model = User
        fields = ("username", "display_name")


@admin.register(User)
class UserAdmin(UserAdminBase):
    """Accounts. They are deactivated, not deleted: their messages keep an author, and no token outlives its user."""

    change_password_form = PasswordForm
    add_form = NewUserForm
    list_display = ("username", "display_name", "email", "is_active", "is_bot", "is_staff", "date_joined")
    list_filter = ("is_active", "is_bot", "is_staff", "is_superuser")
    search_fields = ("username", "display_name", "email")
    ordering = ("username",)
    readonly_fields = ("date_joined", "last_login")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Profile", {"fields": ("display_name", "email", "avatar_url", "is_bot")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "display_name", "password1", "password2")}),)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never."""
        del request, obj
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Form, change: bool) -> None:
        """Save the edited fields and let the services deactivate or reactivate the account."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        # Only the edited fields: the row may have a newer epoch or password than this page was made from.
        obj.save(update_fields=[name for name in form.changed_data if name in _FIELDS_WITHOUT_SERVICE])
        if "is_active" in form.changed_data:
            (accounts.reactivate if obj.is_active else accounts.deactivate)(obj.pk)


_FIELDS_WITHOUT_SERVICE = frozenset(
    {"username", "display_name", "email", "avatar_url", "is_bot", "is_staff", "is_superuser"}
)


@admin.register(Session)
class SessionAdmin(SessionAdminBase):
    """Sessions, read-only. To end them, deactivate the account or set its password."""

    list_display = ("user", "device", "created_at", "last_used_at", "expires_at", "revoked_at")
    search_fields = ("user__username", "device")
    list_select_related = ("user",)
    fields = ("user", "device", "created_at", "last_used_at", "expires_at", "revoked_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: a login opens one."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: a revoked session must stay known while its tokens could be valid."""
        del request, obj
        return False
