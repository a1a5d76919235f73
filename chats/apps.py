"""The Django app `chats`."""

from django.apps import AppConfig


class ChatsConfig(AppConfig):
    """Chats, their members, messages and log."""

    name = "chats"
    verbose_name = "Chats"
    default_auto_field = "django.db.models.BigAutoField"
