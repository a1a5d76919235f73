"""The Django app for accounts and sessions."""

from django.apps import AppConfig


class AuthConfig(AppConfig):
    """The app `auth`. Its label is `accounts`, since `django.contrib.auth` has the label `auth`."""

    name = "auth"
    label = "accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"
