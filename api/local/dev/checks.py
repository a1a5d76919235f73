"""Checks before anything starts: the port is free, and the servers at the given URLs answer."""

import socket

import psycopg
from psycopg.conninfo import conninfo_to_dict
from redis import Redis
from redis.exceptions import RedisError

from api.local.dev.errors import DevRefused

_CONNECT_SECONDS = 5


def require_free_port(host: str, port: int) -> None:
    """Raise DevRefused when Parlor cannot listen on `host` and `port`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise DevRefused(_port_sentence(host, port, error)) from None


def _port_sentence(host: str, port: int, error: OSError) -> str:
    if error.strerror == "Address already in use":
        return f"Port {port} on {host} is taken by another program: stop it, or set PORT to a free one."
    return f"Parlor cannot listen on port {port} of {host}: {error.strerror}."


def require_database(url: str) -> None:
    """Raise DevRefused when no PostgreSQL answers at `url`, or when it refuses the login."""
    try:
        psycopg.connect(url, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg.Error as error:
        parts = conninfo_to_dict(url)
        where = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
        reason = str(error).strip().splitlines()[0].removeprefix("connection failed: ")
        raise DevRefused(f"PostgreSQL does not answer at DATABASE_URL ({where}): {reason}.") from None


def require_redis(url: str) -> None:
    """Raise DevRefused when no Redis answers at `url`."""
    try:
        with Redis.from_url(
            url, socket_connect_timeout=_CONNECT_SECONDS, socket_timeout=_CONNECT_SECONDS
        ) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise DevRefused(f"Redis does not answer at REDIS_URL: {reason}.") from None
