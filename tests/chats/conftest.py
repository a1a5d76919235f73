"""What the tests of the domain share. pytest may read this file before Django is set up, hence the late imports."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chats.convergence import AssertConverges, Published


@pytest.fixture
def published(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Published:
    """Every durable event that was published so far."""
    from tests.chats.convergence import record_published

    return record_published(monkeypatch)


@pytest.fixture
def assert_feed_converges(published: Published) -> AssertConverges:
    """A check that the log replays what was published, in every chat."""
    from tests.chats.convergence import check_convergence

    return partial(check_convergence, published)
