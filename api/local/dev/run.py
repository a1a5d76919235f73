"""The steps of `manage.py dev`: private servers, migrations, demo data, web pages, and then the server."""

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import cast

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper

from api.config.environment import ROOT, Environment
from api.http.asgi_messages import Application
from api.local.dev.checks import require_database, require_free_port, require_redis
from api.local.dev.server import serve
from api.local.dev.signals import StartSignals
from api.local.dev.web_build import build_pages
from api.local.embedded import private_servers
from chats.management import demo


def run(
    application: Application, environment: Environment, say: Callable[[str], None], *, with_pages: bool
) -> None:
    """Serve `application` in the foreground until SIGINT or SIGTERM, then stop everything that was started.

    `say` prints a line. Raises DevRefused or ServerRefused, with a sentence for the developer, when it cannot start.
    """
    signals = StartSignals()
    with signals.caught():
        require_free_port(environment.HOST, environment.PORT)
        with _running_servers(environment, say, signals), _closing_connections():
            _prepare_database(say)
            if with_pages:
                build_pages(ROOT / "web", environment.DATA_DIR / "web.log", say)
            serve(application, environment.HOST, environment.PORT, lambda: _announce(environment, say))


@contextlib.contextmanager
def _running_servers(
    environment: Environment, say: Callable[[str], None], signals: StartSignals
) -> Iterator[None]:
    if environment.DATABASE_URL:
        require_database(environment.DATABASE_URL)
    if environment.REDIS_URL:
        require_redis(environment.REDIS_URL)
    environment.DATA_DIR.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if not (environment.DATABASE_URL and environment.REDIS_URL):
            say(f"Starting private servers in {environment.DATA_DIR}.")
            needed = {"with_postgres": not environment.DATABASE_URL, "with_redis": not environment.REDIS_URL}
            with signals.deferred():
                stack.enter_context(private_servers(environment.DATA_DIR, **needed))
        yield


@contextlib.contextmanager
def _closing_connections() -> Iterator[None]:
    try:
        yield
    finally:
        postgres = cast(DatabaseWrapper, connections["default"])
        postgres.close()
        postgres.close_pool()  # before PostgreSQL stops, or the pool would try to connect again


def _prepare_database(say: Callable[[str], None]) -> None:
    call_command("migrate", interactive=False, verbosity=0)
    if not get_user_model().objects.exists():
        say("Making demo data.")
        with transaction.atomic():
            call_command("seed_demo", stdout=io.StringIO())


def _announce(environment: Environment, say: Callable[[str], None]) -> None:
    host = f"[{environment.HOST}]" if ":" in environment.HOST else environment.HOST
    base = f"http://{host}:{environment.PORT}"
    say("")
    say("Parlor is ready.")
    say(f"  Demo chat             {base}/demo/")
    say(f"  GraphiQL and the API  {base}/graphql/")
    say(f"  Websocket             {base.replace('http', 'ws', 1)}/graphql/")
    say(f"  People                ann, bob, cy and more, each with the password {demo.PASSWORD}")
    say(
        f"  Data                  {'the one at DATABASE_URL' if environment.DATABASE_URL else environment.DATA_DIR}"
    )
    say("Ctrl-C stops it.")
