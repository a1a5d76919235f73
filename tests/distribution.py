"""Distributes the suite over worker processes: how many there are, which files share one, and which begin first.

Much of a run is waiting, for timeouts to pass and for processes to start, so there are more workers than cores. Each
worker has its own PostgreSQL and Redis, and starts the servers of a session fixture when a test first needs them.
"""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

WORKERS = 4

# Files whose tests share the servers of tests/live/conftest.py, in two groups of about the same duration. One worker
# runs a whole group, so only two workers have to start those servers.
SHARING_SERVERS = (
    (
        "tests/live/test_protocol_fuzz.py",
        "tests/live/test_bad_input.py",
        "tests/live/test_protocol_operations.py",
        "tests/live/test_streams.py",
        "tests/live/test_privacy.py",
        "tests/live/test_feeds.py",
        "tests/live/test_storm.py",
    ),
    (
        "tests/live/test_protocol_restart.py",
        "tests/live/test_protocol_life.py",
        "tests/live/test_clients.py",
        "tests/live/test_edges.py",
        "tests/live/test_protocol_credentials.py",
    ),
)
# The longest other files (by `pytest --durations=0`). They begin early, so that the last worker does not end late.
LONG = (
    "tests/test_readme.py",
    "tests/api/local/test_dev.py",
    "tests/live/test_soak.py",
    "tests/schema/live/compiling/test_projections.py",
    "tests/live/test_stuck.py",
    "tests/live/test_flow.py",
    "tests/schema/live/compiling/test_sharing_generated.py",
    "tests/live/test_health.py",
    "tests/api/socket/test_servers.py",
    "tests/api/http/test_fuzz.py",
    "tests/api/local/test_embedded.py",
    "tests/live/test_faults.py",
    "tests/schema/live/test_processes.py",
    "tests/schema/live/test_storms.py",
    "tests/live/test_memory.py",
    "tests/live/test_leaks.py",
)
_GROUPS = {path: f"servers {number}" for number, paths in enumerate(SHARING_SERVERS, 1) for path in paths}
_FIRST = [*_GROUPS, *LONG]


def worker_count(config: pytest.Config) -> int:
    """Return WORKERS for a whole suite, and 0, which means no worker but this process, where workers do not pay.

    That is for a choice of tests, and on the one Redis of TEST_REDIS_URL: workers would receive each other's events,
    since its channels are the same in all of its databases.
    """
    option = config.option
    is_choice = option.keyword or option.markexpr or any(".py" in argument for argument in config.args)
    return 0 if is_choice or os.environ.get("TEST_REDIS_URL") else WORKERS


class GroupScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives a worker a whole file, or a whole group of files, in the workers' order of the tests."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False  # otherwise xdist sorts files by their number of tests
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        path: str = super()._split_scope(nodeid)
        return _GROUPS.get(path, path)


def put_long_ones_first(items: list[pytest.Item]) -> None:
    """Sort the files named above to the front; the others keep their order."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = item.nodeid.partition("::")[0]
    return _FIRST.index(path) if path in _FIRST else len(_FIRST)
