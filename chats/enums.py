"""The enums that rows, events and the schema share. They import no model, so that events need none either."""

from django.db import models


class ChatKind(models.TextChoices):
    """Between two people, or among many."""

    DIRECT = "DIRECT"
    GROUP = "GROUP"


class MemberRole(models.TextChoices):
    """A group has at most one owner; both members of a direct chat are plain members."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"


class MessageKind(models.TextChoices):
    """Written by a person, or stated by the server."""

    TEXT = "TEXT"
    SYSTEM = "SYSTEM"
