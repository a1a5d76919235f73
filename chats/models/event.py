"""The model Event, a row of the log: what happened in a chat, never what was said."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from chats.events import STRUCT_OF, EventType


def _types_with(*fields: str) -> tuple[EventType, ...]:
    return tuple(type_ for type_ in EventType if {*fields} & {*STRUCT_OF[type_].__struct_fields__})


ABOUT_MESSAGES = _types_with("message", "message_id")
ABOUT_MEMBERS = _types_with("member", "user")


class Event(models.Model):
    """One event of a chat. It names its message or member by id, and a replay reads their current rows."""

    pk = models.CompositePrimaryKey("chat_id", "seq")
    chat = models.ForeignKey("chats.Chat", on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=32, choices=EventType)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    at = models.DateTimeField(default=timezone.now)
    message = models.ForeignKey("chats.Message", on_delete=models.RESTRICT, null=True, related_name="+")
    # No foreign key: that somebody joined or left stays true after their account is deleted.
    subject_id = models.BigIntegerField(null=True)
    removed = models.BooleanField(default=False, help_text="MEMBER_LEFT: another member took them out.")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(seq__gte=1), name="event_seq_positive"),
            models.CheckConstraint(
                condition=Q(type__in=ABOUT_MESSAGES, message__isnull=False, subject_id__isnull=True)
                | Q(type__in=ABOUT_MEMBERS, message__isnull=True, subject_id__isnull=False),
                name="event_names_its_subject",
            ),
            models.CheckConstraint(
                condition=Q(removed=False) | Q(type=EventType.MEMBER_LEFT),
                name="event_removed_only_when_left",
            ),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.seq} of chat {self.chat_id}"
