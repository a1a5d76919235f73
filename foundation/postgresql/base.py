"""The module that Django loads as the database backend."""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's wrapper, but a connection from the pool gets a health check only if its socket has something to read.

    With CONN_HEALTH_CHECKS the pool sends an empty statement on each connection before it hands it out. A send is one
    statement, so that doubles its round trips, and costs a quarter of its thread's time. After each lost connection
    the pool then waits: a second, two, four.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that is not known to be lost. Raises django.db.OperationalError if the pool has none in time."""
        connection = super().get_new_connection(conn_params)
        while self.pool is not None and not is_alive(connection):
            self.pool.putconn(connection)  # the pool drops a lost connection and opens another
            connection = super().get_new_connection(conn_params)
        return connection


def is_alive(connection: psycopg.Connection[Any]) -> bool:
    """Whether an idle connection works, as far as its socket shows.

    A server that ends a connection, or stops, sends a message, and little else arrives on an idle connection. So only
    a connection with something to read is checked with a statement. TCP keepalives find a connection that is cut
    without a message, as they do mid-statement.
    """
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if not poll.poll(0):
        return True
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
