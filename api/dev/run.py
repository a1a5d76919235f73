"""The order of things: private servers, database, demo data, pages, and then the server."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import cast

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper

from api.dev.checks import require_database, require_free_port, require_redis
from api.dev.pages import build_pages
from api.dev.server import serve
from api.embedded import private_servers
from api.environment import ROOT, Environment

DEMO_PASSWORD = "parlor-demo"  # noqa: S105 - public, and only in demo data


class Stopped(BaseException):
    """SIGINT or SIGTERM came before the server took over the signals."""


def run(environment: Environment, say: Callable[[str], None], *, with_pages: bool) -> None:
    """Run Parlor in the foreground until SIGINT or SIGTERM, and stop all that it started.

    Raises DevRefused or ServerRefused, with a sentence for the developer, when it cannot start.
    """
    with _signals(), contextlib.suppress(Stopped):
        require_free_port(environment.HOST, environment.PORT)
        with _servers(environment, say), _connections_closed():
            _prepare(say)
            if with_pages:
                build_pages(ROOT / "web", environment.DATA_DIR / "web.log", say)
            serve(environment.HOST, environment.PORT, lambda: _announce(environment, say))
            _ignore_signals()


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()  # what follows is the way out, and a second Ctrl-C must not cut it short
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _servers(environment: Environment, say: Callable[[str], None]) -> Iterator[None]:
    if environment.DATABASE_URL:
        require_database(environment.DATABASE_URL)
    if environment.REDIS_URL:
        require_redis(environment.REDIS_URL)
    if environment.DATABASE_URL and environment.REDIS_URL:
        environment.DATA_DIR.mkdir(parents=True, exist_ok=True)
        yield
        return
    say(f"Starting private servers in {environment.DATA_DIR}.")
    with private_servers(
        environment.DATA_DIR, with_postgres=not environment.DATABASE_URL, with_redis=not environment.REDIS_URL
    ):
        yield


@contextlib.contextmanager
def _connections_closed() -> Iterator[None]:
    try:
        yield
    finally:
        postgres = cast(DatabaseWrapper, connections["default"])
        postgres.close()
        postgres.close_pool()  # before PostgreSQL stops, or the pool would try to connect again


def _prepare(say: Callable[[str], None]) -> None:
    call_command("migrate", interactive=False, verbosity=0)
    if not get_user_model().objects.exists():
        say("Making demo data.")
        with transaction.atomic():
            call_command("seed_demo", verbosity=0)


def _announce(environment: Environment, say: Callable[[str], None]) -> None:
    host = f"[{environment.HOST}]" if ":" in environment.HOST else environment.HOST
    base = f"http://{host}:{environment.PORT}"
    say("")
    say(f"Parlor is ready: {base}/")
    say(f"  GraphiQL and the API  {base}/graphql/")
    say(f"  Websocket             {base.replace('http', 'ws', 1)}/graphql/")
    say(f"  People                ann, bob, cy and more, each with the password {DEMO_PASSWORD}")
    say(
        f"  Data                  {'the one at DATABASE_URL' if environment.DATABASE_URL else environment.DATA_DIR}"
    )
    say("Ctrl-C stops it.")
