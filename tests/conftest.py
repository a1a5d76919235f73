"""Starts PostgreSQL and Redis for each worker of the suite, before Django reads its settings."""

import contextlib
import inspect
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import django
import pytest
import redis
from xdist.remote import Producer

from api.config.environment import Environment
from api.local.embedded import ServerRefused, private_servers, stop_leftovers
from tests.distribution import GroupScheduling, put_long_ones_first, worker_count

_PREFIX = "parlor-tests-"
# A starting run creates its folder a moment before it locks it.
_SWEEP_AGE_SECONDS = 60
_servers = contextlib.ExitStack()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of workers for `-n auto`, which `make test` passes; 0 runs the tests in this process."""
    return worker_count(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    """Return what decides which worker gets which tests."""
    return GroupScheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers that TEST_DATABASE_URL and TEST_REDIS_URL do not name, then set Django up.

    With DJANGO_SETTINGS_MODULE in pytest's configuration Django would read its settings before the servers run.
    """
    database_url = os.environ.get("TEST_DATABASE_URL", "")
    redis_url = os.environ.get("TEST_REDIS_URL", "")
    if not _is_worker(config):
        _sweep()
    if _has_workers(config):
        if redis_url:
            # Redis has one space of channels for all of its databases: workers would hear each other's events.
            raise pytest.UsageError(
                "Tests on the one Redis of TEST_REDIS_URL cannot be run in parallel: use -n 0."
            )
        return
    data_dir = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _servers.callback(shutil.rmtree, data_dir, ignore_errors=True)
    config.add_cleanup(_servers.close)
    started = _servers.enter_context(
        private_servers(data_dir, with_postgres=not database_url, with_redis=not redis_url, durable=False)
    )
    for name in Environment.model_fields:
        os.environ.pop(name, None)  # neither the developer's shell nor .env configures the suite
    os.environ["PARLOR_ENV_FILE"] = ""
    os.environ["DATABASE_URL"] = database_url or started.database_url or ""
    os.environ["REDIS_URL"] = redis_url or started.redis_url or ""
    os.environ["DATA_DIR"] = str(data_dir)
    os.environ["DJANGO_SETTINGS_MODULE"] = "api.settings"
    django.setup()


@pytest.hookimpl(trylast=True)  # after pytest-django has ordered them by their use of the database
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long tests first. All workers must come to the same order."""
    if _is_worker(config):
        put_long_ones_first(items)


def _has_workers(config: pytest.Config) -> bool:
    """Whether this process runs no tests but starts the workers that do."""
    return config.getoption("dist", "no") != "no"


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _sweep() -> None:
    """Stop the servers of killed runs and remove their folders. A live run holds a lock on its folder."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(ServerRefused, OSError):
            if time.time() - left.stat().st_mtime > _SWEEP_AGE_SECONDS:
                stop_leftovers(left)
                shutil.rmtree(left)


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    """Empty Redis before each test. This is one round trip over a socket, about 0.1 ms."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()


@pytest.fixture
async def _redis_of_the_loop() -> AsyncIterator[None]:
    from foundation.redis import close_async_redis

    yield
    await close_async_redis()


@pytest.fixture(autouse=True)
def _no_connection_outlives_its_loop(request: pytest.FixtureRequest) -> None:
    """Only coroutine tests have a loop; the others do not pay for one."""
    if inspect.iscoroutinefunction(getattr(request.node, "function", None)):
        request.getfixturevalue("_redis_of_the_loop")
