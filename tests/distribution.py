"""How the suite is spread over worker processes: how many there are, what runs together, and what begins first.

Most of a run is waiting, for bounds to pass and for processes to start, so there are more workers than cores. Each
worker has a PostgreSQL and a Redis of its own, and starts the servers of a session fixture when a test first asks.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

WORKERS = 4

# The files whose tests share the servers of tests/live/conftest.py, in two groups that take equally long: a worker
# runs a whole group, so that two of the workers start those servers and the others need not.
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
# The other files that take longest (`pytest --durations=0`): none is to be what everybody waits for in the end.
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
    """WORKERS; 0, which means this process alone, for chosen tests: starting workers may take longer than they do."""
    option = config.option
    is_choice = option.keyword or option.markexpr or any(".py" in argument for argument in config.args)
    return 0 if is_choice else WORKERS


class GroupScheduling(LoadFileScheduling):
    """Gives a worker a whole file, or all files of a group, in the order in which the workers have them."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False  # else by the number of their tests, which says little
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        path = super()._split_scope(nodeid)
        return _GROUPS.get(path, path)


def put_long_ones_first(items: list[pytest.Item]) -> None:
    """The others stay in their order."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = item.nodeid.partition("::")[0]
    return _FIRST.index(path) if path in _FIRST else len(_FIRST)
