"""Shared fixtures of the schema's tests. pytest may read this file before Django is set up, hence the late imports."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import SimpleNamespace
from typing import Any, NoReturn, ParamSpec, TypeVar

import pytest

P = ParamSpec("P")
T = TypeVar("T")


class Inline(Executor):
    """Runs work at once on the test's thread, and so inside the test's transaction.

    It also makes the number of queries exact: with threads it depends on which lookups end together.
    """

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """A future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def no_lazy_read(*_arguments: Any, **_keywords: Any) -> NoReturn:
    """Stands in for `sync_to_async`, which strawberry-django calls to read what a row does not have."""
    pytest.fail("A field was read from the database lazily, outside of a loader.")


@pytest.fixture
def inline_database(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coroutines do their database work at once and it is rolled back with the test; nothing is published.

    A lazy read by strawberry-django fails the test: it would run on the one thread that all sockets share.
    """
    from asgiref.sync import SyncToAsync
    from django.conf import settings
    from django.db import connections

    from foundation import database

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    monkeypatch.setattr(database, "_threads", Inline)
    monkeypatch.setattr(database, "_password_threads", Inline)
    # No query runs on another thread.
    monkeypatch.setattr(settings, "LARGE_QUERY_COST", settings.MAX_QUERY_COST + 1)
    # A coroutine has connections of its own: here it has those of the test, whose transaction is rolled back.
    shared = SimpleNamespace(**{alias: connections[alias] for alias in connections})
    monkeypatch.setattr(connections, "_connections", shared)
    # It would close the connection within the transaction.
    monkeypatch.setattr(database, "close_old_connections", lambda: None)
    monkeypatch.setattr(SyncToAsync, "__call__", no_lazy_read)
