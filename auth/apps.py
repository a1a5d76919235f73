"""The Django app of identity."""

from django.apps import AppConfig


class AuthConfig(AppConfig):
    """`auth` is taken as a label by `django.contrib.auth`, so this app's label is `accounts`."""

    name = "auth"
    label = "accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"
