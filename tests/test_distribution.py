"""The files that the distribution of the suite names exist: a moved file would silently lose its place."""

from tests.distribution import LONG, SHARING_SERVERS
from tests.server import ROOT


def test_every_file_that_is_named_exists_and_is_named_once() -> None:
    named = [*LONG, *(path for group in SHARING_SERVERS for path in group)]
    assert [path for path in named if not (ROOT / path).is_file()] == []
    assert len(named) == len(set(named))
