"""The model Chat: what its members share, and the counter that orders its events."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from chats.enums import ChatKind


class Chat(models.Model):
    """`last_seq` is the seq of the newest event; its writer holds the row's lock until the event is committed."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16, choices=ChatKind)
    title = models.TextField(null=True, blank=True)  # noqa: DJ001 - null is what clients see in a direct chat
    avatar_url = models.URLField(max_length=500, null=True, blank=True)  # noqa: DJ001 - null is what clients see
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="created_chats",
    )
    created_at = models.DateTimeField(default=timezone.now)
    last_seq = models.BigIntegerField(default=0)
    last_activity_at = models.DateTimeField(
        default=timezone.now, help_text="When the newest message was posted; orders the list of chats."
    )
    direct_key = models.TextField(
        null=True, blank=True, unique=True, help_text="`<lower user id>:<higher user id>`."
    )
    client_id = models.TextField(null=True, blank=True)  # noqa: DJ001 - only null may stand twice
    fingerprint = models.BinaryField(
        max_length=32,
        null=True,
        help_text="What was asked for under `client_id`, to tell a retry from a conflict.",
    )
    history_from_join = models.BooleanField(
        default=False, help_text="Members see what happened from their joining on, not the whole history."
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(kind=ChatKind.DIRECT, direct_key__isnull=False, title__isnull=True)
                | (Q(kind=ChatKind.GROUP, direct_key__isnull=True, title__isnull=False) & ~Q(title="")),
                name="chat_direct_has_key_group_has_title",
            ),
            models.CheckConstraint(condition=Q(last_seq__gte=0), name="chat_last_seq_not_negative"),
            models.CheckConstraint(
                condition=Q(client_id__isnull=True, fingerprint__isnull=True)
                | (Q(client_id__isnull=False, fingerprint__isnull=False) & ~Q(client_id="")),
                name="chat_client_id_has_fingerprint",
            ),
            models.UniqueConstraint(
                fields=["created_by", "client_id"],
                name="chat_client_id_unique",
                condition=Q(client_id__isnull=False),
            ),
        )
        indexes = (models.Index(F("last_activity_at").desc(), F("id").desc(), name="chat_by_activity"),)

    def __str__(self) -> str:
        return f"chat {self.pk}"
