"""Seeds users and chats for the soak, and reads their log at the end."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import django

from tests.soak.delivery_verdict import Entry
from tests.soak.system_under_test import SystemUnderTest

SETTINGS = {
    "PARLOR_ENV_FILE": "",
    "ENVIRONMENT": "production",
    "SECRET_KEY": "of-this-soak-alone-and-of-no-use-anywhere-else-at-all",
    "ALLOWED_HOSTS": "127.0.0.1",
    "RATE_LIMITS": "false",
    "MAX_FRAMES_PER_SECOND": "100000",
    "ACCESS_TOKEN_SECONDS": "86400",
    "SOCKETS_PER_USER": "1000",
    "MAX_REPLAY_EVENTS": "1000000",
    "LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True, slots=True)
class SeededChats:
    """Users as (database id, token), and the database ids of chats by their global ids."""

    users: list[tuple[int, str]]
    chats: dict[str, int]

    @property
    def tokens(self) -> list[str]:
        """The users' tokens."""
        return [token for _, token in self.users]


def seed_chats(system: SystemUnderTest, chats: int, users_per_chat: int) -> SeededChats:
    """Set Django up in this process and seed the database; every user is a member of every chat."""
    os.environ.update(system.environment, DJANGO_SETTINGS_MODULE="api.settings")
    django.setup()
    from bench import seed
    from bench.population import Family
    from chats.models import Membership

    made = seed.seed(chats * users_per_chat, {"soak": Family(chats, users_per_chat)})["soak"]
    everybody = [person for chat in made for person in chat.members]
    Membership.objects.bulk_create(
        Membership(chat_id=chat.chat_id, user_id=person.user_id, joined_seq=1)
        for chat in made
        for person in everybody
        if person not in chat.members
    )
    return SeededChats(
        [(person.user_id, person.token) for person in everybody],
        {chat.global_id: chat.chat_id for chat in made},
    )


def disable_synchronous_commit() -> None:
    """Have PostgreSQL commit without waiting for the disk: for a scenario of many events and no crash."""
    from django.db import connection, connections

    with connection.cursor() as cursor:
        cursor.execute("ALTER DATABASE parlor SET synchronous_commit = off")
    connections.close_all()


def read_logs(chats: Mapping[str, int]) -> dict[str, dict[int, Entry]]:
    """Return the committed events by chat and seq."""
    from django.db import close_old_connections, connections

    from chats.models import Event, EventType
    from schema.ids import encode_id

    close_old_connections()
    connections.close_all()
    names = {str(kind): str(kind).title().replace("_", "") for kind in EventType}
    by_id = {number: chat_id for chat_id, number in chats.items()}
    logs: dict[str, dict[int, Entry]] = {chat_id: {} for chat_id in chats}
    for chat, seq, kind, message in Event.objects.values_list("chat_id", "seq", "type", "message_id"):
        logs[by_id[chat]][seq] = (names[kind], None if message is None else encode_id("Message", message))
    return logs
