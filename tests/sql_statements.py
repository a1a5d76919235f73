"""Records the SQL statements that a piece of code executes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db.backends.utils import CursorWrapper


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """Records every SQL statement of every thread."""
    statements: list[str] = []
    stock = CursorWrapper.execute

    def execute(self: CursorWrapper, sql: Any, params: Any = None) -> Any:
        statements.append(str(sql))
        return stock(self, sql, params)

    with mock.patch.object(CursorWrapper, "execute", execute):
        yield statements
