"""The model Membership: a person in a chat, with what is private to them there."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from chats.enums import MemberRole


class Membership(models.Model):
    """This row is the permission to see the chat: it is deleted when the person leaves."""

    id = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey(
        "chats.Chat", on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=MemberRole, default=MemberRole.MEMBER)
    joined_at = models.DateTimeField(default=timezone.now)
    joined_seq = models.BigIntegerField(help_text="The seq of the event by which the person joined.")
    last_read_seq = models.BigIntegerField(default=0)
    last_delivered_seq = models.BigIntegerField(default=0)
    muted_until = models.DateTimeField(null=True, blank=True)
    is_pinned = models.BooleanField(default=False)
    is_archived = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["chat", "user"], name="membership_unique"),
            models.UniqueConstraint(
                fields=["chat"], name="membership_one_owner", condition=Q(role=MemberRole.OWNER)
            ),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="membership_role_known"),
            models.CheckConstraint(condition=Q(joined_seq__gte=1), name="membership_joined_seq_positive"),
            models.CheckConstraint(
                condition=Q(last_read_seq__gte=0, last_delivered_seq__gte=0),
                name="membership_markers_not_negative",
            ),
        )

    def __str__(self) -> str:
        return f"user {self.user_id} in chat {self.chat_id}"
