"""A data folder for the private servers of one test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.local.embedded import stop_leftovers


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder; at the end its servers are stopped and it is removed."""
    # A short path: pytest's own folder is too long for a socket.
    path = Path(tempfile.mkdtemp(prefix="parlor-"))
    yield path
    stop_leftovers(path)
    shutil.rmtree(path)
