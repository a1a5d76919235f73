"""Fills a database with people, tokens and chats in bulk; the services would publish and log every membership."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import cast

from django.core.management import call_command
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from auth.models import Session, User
from auth.tokens import new_access_token
from bench.population import Chat, Family, Person
from chats.models import Chat as ChatRow
from chats.models import ChatKind, Event, EventType, MemberRole, Membership
from schema.ids import encode_id

UNUSABLE = "!"


def seed(people_count: int, families: dict[str, Family]) -> dict[str, tuple[Chat, ...]]:
    """Migrate and fill an empty database; returns its chats by family. Closes this process's connections at the end."""
    call_command("migrate", interactive=False, verbosity=0)
    people = _people(people_count)
    chats = {name: _chats(name, family, people) for name, family in families.items()}
    with connections["default"].cursor() as cursor:
        cursor.execute("ANALYZE")
    postgres = cast(DatabaseWrapper, connections["default"])
    postgres.close()
    postgres.close_pool()
    return chats


def _people(count: int) -> list[Person]:
    users = User.objects.bulk_create(
        User(username=f"person{number}", display_name=f"Person {number}", password=UNUSABLE)
        for number in range(count)
    )
    expires_at = datetime.now(UTC) + timedelta(days=1)
    sessions = Session.objects.bulk_create(
        Session(id=uuid.uuid4(), user=user, expires_at=expires_at, refresh_id=uuid.uuid4().hex)
        for user in users
    )
    return [
        Person(user.pk, new_access_token(user.pk, str(session.pk), user.token_epoch).text)
        for user, session in zip(users, sessions, strict=True)
    ]


def _chats(name: str, family: Family, people: list[Person]) -> tuple[Chat, ...]:
    rows = ChatRow.objects.bulk_create(
        ChatRow(kind=ChatKind.GROUP, title=f"{name} {number}", last_seq=1) for number in range(family.count)
    )
    groups = [
        tuple(people[number * family.size : (number + 1) * family.size]) for number in range(family.count)
    ]
    pairs = [(row, person) for row, members in zip(rows, groups, strict=True) for person in members]
    Membership.objects.bulk_create(
        Membership(chat=row, user_id=person.user_id, joined_seq=1, role=MemberRole.MEMBER)
        for row, person in pairs
    )
    Event.objects.bulk_create(
        Event(chat=row, seq=1, type=EventType.MEMBER_JOINED, subject_id=members[0].user_id)
        for row, members in zip(rows, groups, strict=True)
    )
    return tuple(
        Chat(row.pk, encode_id("Chat", row.pk), members) for row, members in zip(rows, groups, strict=True)
    )
