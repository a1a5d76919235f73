"""Statements that PostgreSQL plans once per connection, for the few that run often and are long to plan."""

from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


def prepared_cursor() -> CursorWrapper:
    """A cursor of Django's current connection whose statements are prepared after a few uses (psycopg's threshold).

    Django's own cursors write the parameters into the text, so each text is new and is planned anew. Parameters here
    are bound by the server: where PostgreSQL cannot tell a parameter's type, the statement needs a cast. Errors,
    query logs and execution wrappers are Django's, as ever. `DATABASES` must name a `prepare_threshold`.
    """
    connection.ensure_connection()
    connection.validate_thread_sharing()
    cursor: Any = psycopg.Cursor(connection.connection)
    return (
        connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)
    )
