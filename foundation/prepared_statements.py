"""Cursors whose statements PostgreSQL plans once per connection, for frequent statements that are slow to plan."""

from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


def prepared_cursor() -> CursorWrapper:
    """A cursor on Django's current connection whose statements are prepared after a few uses (psycopg's threshold).

    Django's own cursors write the parameters into the text, so that PostgreSQL plans each text again. Here the server
    binds the parameters: where it cannot infer a parameter's type, the statement needs a cast. Errors, query logs and
    execution wrappers are Django's. `DATABASES` must set a `prepare_threshold`.
    """
    connection.ensure_connection()
    connection.validate_thread_sharing()
    cursor: Any = psycopg.Cursor(connection.connection)
    return (
        connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)
    )
