"""Starts two Daphnes and a uvicorn over one database and one Redis, once per worker; checks their logs at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.server import ROOT, Server, serving

# Workers of the suite may share a PostgreSQL that TEST_DATABASE_URL names.
DATABASE = f"parlor_live{os.environ.get('PYTEST_XDIST_WORKER', '')}"
# The channel layer's groups are named after ids, and all databases of a Redis share them: ids from here on meet no
# other test's.
FIRST_ID = 1_000_000_000
APPLICATION = "api.asgi:application"

Start = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """The servers' environment: a database of their own and no rate limits."""
    administration = os.environ["DATABASE_URL"]
    with psycopg.connect(administration, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        variables = {
            "DATABASE_URL": make_conninfo(administration, dbname=DATABASE),
            "REDIS_URL": _other_redis_database(os.environ["REDIS_URL"]),
            "DJANGO_SETTINGS_MODULE": "tests.live.settings",
            "RATE_LIMITS": "false",
        }
        _migrate(variables)
        yield variables
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _other_redis_database(url: str) -> str:
    """Another Redis database than the one that each test empties."""
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db=1"
    address, _, _number = url.removeprefix("redis://").partition("/")
    return f"redis://{address}/1"


def _migrate(variables: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, **variables},
        check=True,
    )
    with psycopg.connect(variables["DATABASE_URL"], autocommit=True) as connection:
        names = connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
        for (name,) in names.fetchall():
            connection.execute(f'ALTER SEQUENCE "{name}" RESTART WITH {FIRST_ID}')


@pytest.fixture(scope="session")
def start(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Returns a context manager that runs a server; afterwards its log must hold neither faults nor secrets."""

    @contextmanager
    def start_one(kind: str, **variables: str) -> Iterator[Server]:
        log = tmp_path_factory.mktemp(kind) / "log"
        with serving(kind, APPLICATION, log, **environment, **variables) as server:
            assert_answers(server)
            yield server
        check_log(log)

    return start_one


def assert_answers(server: Server) -> None:
    """Wait until the server is up, which takes half a minute on a busy machine."""
    try:
        httpx.post(server.http, json={"query": "{ __typename }"}, timeout=120).raise_for_status()
    except httpx.HTTPError as error:
        pytest.fail(f"The server did not start ({error}):\n{server.log.read_text()}")


def check_log(log: Path) -> None:
    """The log must show no unhandled fault and no secret."""
    from tests.live.people import SECRETS

    text = log.read_text()
    for word in ("Traceback", "Unhandled", "never retrieved", "never awaited", "Masked error"):
        assert word not in text, text[-20_000:]
    assert not [secret for secret in SECRETS if secret in text], "a secret is in the server's log"


@pytest.fixture(scope="session")
def servers(start: Start) -> Iterator[dict[str, Server]]:
    """The running servers by name."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(start(kind))
            for name, kind in (("daphne", "daphne"), ("other daphne", "daphne"), ("uvicorn", "uvicorn"))
        }


@pytest.fixture
def daphne(servers: dict[str, Server]) -> Server:
    """The first Daphne."""
    return servers["daphne"]


@pytest.fixture
def other(servers: dict[str, Server]) -> Server:
    """The second Daphne."""
    return servers["other daphne"]


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    """Each server program in turn."""
    return servers[request.param]


@pytest.fixture(scope="session")
def strict_servers(start: Start) -> Iterator[dict[str, Server]]:
    """One server per program with small bounds and short timeouts, so that tests reach them soon."""
    bounds = {
        "CONNECTION_INIT_TIMEOUT_SECONDS": "2",
        "KEEP_ALIVE_SECONDS": "1",
        "TOKEN_EXPIRY_NOTICE_SECONDS": "1",
        "SOCKETS_PER_USER": "2",
        "SOCKET_LEASE_SECONDS": "3",
        "MAX_FEEDS_PER_SOCKET": "2",
        "MAX_FRAMES_PER_SECOND": "10",
        "MAX_FRAME_BURST": "100",
        "MAX_FRAME_BYTES": "10000",
        "FLOW_PING_BYTES": "2000",
        "SEND_WINDOW_BYTES": "4000",
        "SLOW_CONSUMER_SECONDS": "2",
    }
    with ExitStack() as stack:
        yield {kind: stack.enter_context(start(kind, **bounds)) for kind in ("daphne", "uvicorn")}


@pytest.fixture(params=["daphne", "uvicorn"])
def strict(request: pytest.FixtureRequest, strict_servers: dict[str, Server]) -> Server:
    """Each of the strict servers in turn."""
    return strict_servers[request.param]
