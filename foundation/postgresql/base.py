"""What Django loads of a database backend."""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but a connection that comes from the pool is asked for a sign of life only if there is cause.

    With CONN_HEALTH_CHECKS the pool sends each connection an empty statement before it hands it out, and waits: for a
    send, which is one statement, as many round trips again, and a quarter of the time of its thread. And after each
    that it finds lost it waits a second, then two, then four.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that is not known to be lost. Raises django.db.OperationalError if the pool has none in time."""
        connection = super().get_new_connection(conn_params)
        while self.pool is not None and not is_alive(connection):
            self.pool.putconn(connection)  # which lets a lost one go, and opens another
            connection = super().get_new_connection(conn_params)
        return connection


def is_alive(connection: psycopg.Connection[Any]) -> bool:
    """Whether an idle connection can be used, as far as one can know without asking the server.

    A server that ends a connection, or ends, says so, and on an idle connection nothing else comes. So only one with
    something to read need be asked. What falls silent without a word is found by TCP's keepalives, as amid a statement.
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
