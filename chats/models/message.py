"""The model Message: a text in a chat, or the tombstone of one."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from chats.enums import MessageKind


class Message(models.Model):
    """`seq` is that of the event that posted the message. A deleted message loses its text and stays as a tombstone."""

    id = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey("chats.Chat", on_delete=models.CASCADE, related_name="messages", db_index=False)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=MessageKind, default=MessageKind.TEXT)
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages"
    )
    client_id = models.TextField(null=True, blank=True)  # noqa: DJ001 - only null may stand twice
    fingerprint = models.BinaryField(
        max_length=32,
        null=True,
        help_text="What was first sent under `client_id`, to tell a retry from a conflict.",
    )
    text = models.TextField(blank=True)
    reply_to = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replies"
    )
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["chat", "seq"], name="message_seq_unique"),
            models.UniqueConstraint(
                fields=["sender", "client_id"],
                name="message_client_id_unique",
                condition=Q(client_id__isnull=False),
            ),
            models.CheckConstraint(condition=Q(kind__in=MessageKind.values), name="message_kind_known"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="message_seq_positive"),
            models.CheckConstraint(
                condition=Q(deleted_at__isnull=True) | Q(text=""), name="message_deleted_has_no_text"
            ),
            models.CheckConstraint(
                condition=Q(kind=MessageKind.TEXT) | Q(sender__isnull=True),
                name="message_system_has_no_sender",
            ),
            models.CheckConstraint(
                condition=Q(client_id__isnull=True, fingerprint__isnull=True)
                | (Q(client_id__isnull=False, fingerprint__isnull=False) & ~Q(client_id="")),
                name="message_client_id_has_fingerprint",
            ),
        )

    def __str__(self) -> str:
        return f"message {self.pk}"
