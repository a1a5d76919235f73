"""Starts what a benchmark runs on: a private PostgreSQL and Redis, filled with people and chats."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import django

from api.local.embedded import private_servers
from bench.population import Chat, Family

PEOPLE = 3000


# Chats to which a benchmark publishes without the database (`crowd`, `small`) are not those that it writes to: a feed
# delivers each seq once.
FAMILIES = {
    "crowd": Family(1, 2000),
    "crowd_sent": Family(1, 2000),
    "small": Family(200, 5),
    "small_sent": Family(200, 5),
    "storm": Family(30, 100),
    "room": Family(1, 64),
}


@dataclass(frozen=True, slots=True)
class World:
    """The addresses of the two servers, and the chats in the database by family."""

    data_dir: Path
    database_url: str
    redis_url: str
    redis_path: str
    chats: dict[str, tuple[Chat, ...]]

    def environment(self) -> dict[str, str]:
        """Parlor's settings as in production, without rate limits."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            **_SETTINGS,
        }


_SETTINGS = {
    "PARLOR_ENV_FILE": "",
    "ENVIRONMENT": "production",
    "SECRET_KEY": "of-this-benchmark-alone-and-of-no-use-anywhere-else-at-all",
    "ALLOWED_HOSTS": "127.0.0.1",
    "RATE_LIMITS": "false",
    "MAX_FRAMES_PER_SECOND": "100000",
    "ACCESS_TOKEN_SECONDS": "86400",
    "LOG_LEVEL": "WARNING",
}


@contextlib.contextmanager
def running() -> Iterator[World]:
    """Start the servers, migrate and seed; stop and remove everything at the end."""
    with tempfile.TemporaryDirectory(prefix="parlor-bench-") as folder:
        data_dir = Path(folder)
        with private_servers(data_dir) as servers:
            assert servers.database_url is not None
            assert servers.redis_url is not None
            os.environ.update(_SETTINGS, DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url)
            os.environ["DJANGO_SETTINGS_MODULE"] = "api.settings"
            django.setup()
            from bench import seed  # it imports models, which needs Django to be set up

            chats = seed.seed(PEOPLE, FAMILIES)
            redis_path = servers.redis_url.removeprefix("unix://")
            yield World(data_dir, servers.database_url, servers.redis_url, redis_path, chats)
