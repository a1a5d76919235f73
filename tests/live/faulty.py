"""Runs servers over a PostgreSQL and a Redis of their own, which tests stop, restart and hang."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg
import redis

from api.config import addresses
from api.local.embedded import postgres
from api.local.embedded import redis as embedded_redis
from tests.live.people import SECRETS
from tests.server import ROOT, Server, serving

APPLICATION = "api.asgi:application"
# The waits are short; the rest is as in production.
SHORT_WAITS = {
    "FEED_PROBE_SECONDS": "0.2",
    "FEED_POLL_SECONDS": "0.5",
    "FEED_RETRY_SECONDS": "0.1",
    "FEED_GAP_WAIT_MS": "20",
    "REDIS_TIMEOUT_SECONDS": "1",
    "DATABASE_POOL_TIMEOUT_SECONDS": "2",
}


class Service:
    """PostgreSQL or Redis, which can be stopped and started again."""

    def __init__(self, running: AbstractContextManager[None]) -> None:
        self._stack = ExitStack()
        self._stack.enter_context(running)

    def stop(self) -> None:
        """Stop the service."""
        self._stack.close()

    def start(self, running: AbstractContextManager[None]) -> None:
        """Start it again with the same data."""
        self._stack.enter_context(running)


class Faulty:
    """The two services and the servers that use them."""

    def __init__(self, data_dir: Path, logs: Path) -> None:
        self._data_dir = data_dir
        self._logs = logs
        self._sockets = addresses.socket_folder(data_dir)
        self._sockets.mkdir(mode=0o700)
        self._postgres = Service(self._running_postgres())
        self._redis = Service(self._running_redis())
        self.environment = {
            "DATABASE_URL": addresses.private_database_url(data_dir),
            "REDIS_URL": addresses.private_redis_url(data_dir),
            "DJANGO_SETTINGS_MODULE": "tests.live.settings",
            "RATE_LIMITS": "false",
            **SHORT_WAITS,
        }
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            check=True,
        )

    def close(self) -> None:
        """Stop both services."""
        self._redis.stop()
        self._postgres.stop()
        shutil.rmtree(self._sockets, ignore_errors=True)

    @contextmanager
    def server(self, kind: str, **variables: str) -> Iterator[Server]:
        """Run one more server."""
        log = self._logs / f"{kind}-{len(list(self._logs.iterdir()))}.log"
        with serving(kind, APPLICATION, log, **self.environment, **variables) as server:
            yield server
        text = log.read_text()
        assert not [secret for secret in SECRETS if secret in text], "a secret is in the server's log"

    def stop_redis(self) -> None:
        """Stop Redis."""
        self._redis.stop()

    def start_redis(self) -> None:
        """Start Redis again with the data of its file."""
        self._redis.start(self._running_redis())

    def restart_postgres(self) -> None:
        """Stop PostgreSQL, which cuts all connections, and start it again."""
        self.stop_postgres()
        self.start_postgres()

    def stop_postgres(self) -> None:
        """Stop PostgreSQL."""
        self._postgres.stop()

    def start_postgres(self) -> None:
        """Start PostgreSQL again."""
        self._postgres.start(self._running_postgres())

    @contextmanager
    def hung_redis(self) -> Iterator[None]:
        """Have Redis accept connections and answer nothing."""
        with self.redis_client() as client:
            process_id = int(client.info("server")["process_id"])
        os.kill(process_id, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process_id, signal.SIGCONT)

    def redis_client(self) -> redis.Redis:
        """Return a client of this Redis."""
        return redis.Redis.from_url(self.environment["REDIS_URL"])

    def connections(self) -> list[tuple[str, str]]:
        """Return the state of each of the servers' connections and its last statement."""
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            return connection.execute(
                "SELECT state, query FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchall()

    def _running_postgres(self) -> AbstractContextManager[None]:
        return postgres.running(self._data_dir, self._sockets, durable=False)

    def _running_redis(self) -> AbstractContextManager[None]:
        return embedded_redis.running(self._data_dir, self._sockets)


@contextmanager
def faulty_services(logs: Path) -> Iterator[Faulty]:
    """Run the two services, with a migrated database, until the context ends."""
    data_dir = Path(tempfile.mkdtemp(prefix="parlor-faulty-"))
    try:
        faulty = Faulty(data_dir, logs)
        try:
            yield faulty
        finally:
            faulty.close()
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
