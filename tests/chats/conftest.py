"""Fixtures of the domain's tests. pytest may read this file before Django is set up, hence the late imports."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chats.convergence import AssertConverges, Published


@pytest.fixture
def published(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Published:
    """The durable events that were published so far."""
    from tests.chats.convergence import record_published

    return record_published(monkeypatch)


@pytest.fixture
def assert_feed_converges(published: Published) -> AssertConverges:
    """Checks that the log of every chat replays what was published."""
    from tests.chats.convergence import check_convergence

    return partial(check_convergence, published)
