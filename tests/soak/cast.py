"""Who takes part, and what the log has in the end."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import django

from tests.soak.account import Entry
from tests.soak.stage import Stage

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
class Cast:
    """Who takes part: tokens with the people's ids, and chats by global id with their database ids."""

    people: list[tuple[int, str]]
    chats: dict[str, int]

    @property
    def tokens(self) -> list[str]:
        """One of each person."""
        return [token for _, token in self.people]


def make_cast(stage: Stage, chats: int, people_per_chat: int) -> Cast:
    """Set Django up in this process, and seed the stage: everybody is in every chat, so that an inbox has several."""
    os.environ.update(stage.environment, DJANGO_SETTINGS_MODULE="api.settings")
    django.setup()
    from bench import seed
    from bench.population import Family
    from chats.models import Membership

    made = seed.seed(chats * people_per_chat, {"soak": Family(chats, people_per_chat)})["soak"]
    everybody = [person for chat in made for person in chat.members]
    Membership.objects.bulk_create(
        Membership(chat_id=chat.chat_id, user_id=person.user_id, joined_seq=1)
        for chat in made
        for person in everybody
        if person not in chat.members
    )
    return Cast(
        [(person.user_id, person.token) for person in everybody],
        {chat.global_id: chat.chat_id for chat in made},
    )


def hurry() -> None:
    """Have PostgreSQL answer before its disk has: for who needs many events, and no crash."""
    from django.db import connection, connections

    with connection.cursor() as cursor:
        cursor.execute("ALTER DATABASE parlor SET synchronous_commit = off")
    connections.close_all()


def read_logs(chats: Mapping[str, int]) -> dict[str, dict[int, Entry]]:
    """What has been committed: by chat and seq."""
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
