"""How the suite is spread over worker processes: how many there are, what runs together, and what begins first.

Most of a run is waiting: for bounds to pass, for servers to start. So there are more workers than cores. Each worker
has a PostgreSQL and a Redis of its own, and starts the servers of session fixtures when a test first asks for them.
"""

from collections.abc import Iterable

import pytest

WORKERS = 4

# Fixtures that take seconds to set up: the tests that use one are run by one worker. Of several the first decides.
COSTLY_FIXTURES = ("servers", "strict_servers", "demo_server")

# Files that take longest, so that none of them is what everybody waits for in the end. Measured with --durations=0.
LONGEST = (
    "tests/live/test_soak.py",
    "tests/live/test_protocol_fuzz.py",
    "tests/live/test_stuck.py",
    "tests/test_readme.py",
    "tests/live/test_protocol_restart.py",
    "tests/api/local/test_dev.py",
    "tests/schema/live/compiling/test_projections.py",
    "tests/live/test_flow.py",
    "tests/live/test_health.py",
    "tests/schema/live/compiling/test_sharing_generated.py",
    "tests/api/socket/test_servers.py",
    "tests/live/test_faults.py",
    "tests/live/test_leaks.py",
    "tests/live/test_memory.py",
    "tests/schema/live/test_storms.py",
)


def worker_count(config: pytest.Config) -> int:
    """WORKERS; 0, which means this process alone, for a few tests: starting workers takes longer than those."""
    option = config.option
    is_selection = option.keyword or option.markexpr or any(".py" in argument for argument in config.args)
    return 0 if is_selection else WORKERS


def group_and_order(items: list[pytest.Item]) -> None:
    """Mark the tests that share costly fixtures for one worker, and move those to the front that should begin first."""
    for item in items:
        if group := _group_of(item):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_rank)  # stable


def _group_of(item: pytest.Item) -> str | None:
    used: Iterable[str] = getattr(item, "fixturenames", ())
    return next((name for name in COSTLY_FIXTURES if name in used), None)


def _rank(item: pytest.Item) -> tuple[int, int]:
    group, path = _group_of(item), item.path.relative_to(item.config.rootpath).as_posix()
    return (
        COSTLY_FIXTURES.index(group) if group else len(COSTLY_FIXTURES),
        LONGEST.index(path) if path in LONGEST else len(LONGEST),
    )
