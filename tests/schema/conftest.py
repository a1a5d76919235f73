"""What the tests of the schema share. pytest may read this file before Django is set up, hence the late imports."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import SimpleNamespace
from typing import ParamSpec, TypeVar

import pytest

P = ParamSpec("P")
T = TypeVar("T")


class Inline(Executor):
    """Runs what it is given at once, on the thread of the test and so inside the test's transaction.

    Also makes the number of queries exact: with threads it depends on which lookups end together.
    """

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """A future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def inline_database(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Database work of coroutines is done at once, and rolled back with the test; nothing is published."""
    from django.conf import settings
    from django.db import connections

    from foundation import database
    from schema import execution

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    monkeypatch.setattr(database, "_threads", Inline)
    monkeypatch.setattr(database, "_password_threads", Inline)
    monkeypatch.setattr(
        settings, "LARGE_QUERY_COST", settings.MAX_QUERY_COST + 1
    )  # none runs on another thread
    # A coroutine has connections of its own: here it has those of the test, whose transaction is rolled back.
    shared = SimpleNamespace(**{alias: connections[alias] for alias in connections})
    monkeypatch.setattr(connections, "_connections", shared)
    for module in (database, execution):
        monkeypatch.setattr(module, "close_old_connections", lambda: None)  # it would, within the transaction
