"""The addresses of PostgreSQL and Redis: the two URLs or, without them, the private servers under `DATA_DIR`.

The private addresses depend on `DATA_DIR` alone, so that `manage.py shell` finds the servers that `make run` runs.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from api.config.environment import Environment, EnvironmentRefused

# A socket's path has at most 108 bytes on Linux and 104 on macOS, with the final zero; PostgreSQL adds this name.
_MAX_SOCKET_PATH_BYTES = 103
_POSTGRES_SOCKET = ".s.PGSQL.5432"

_DJANGO_KEYS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def socket_folder(data_dir: Path) -> Path:
    """The folder of the private servers' sockets: in `data_dir`, or a temporary one if that path is unsuitable."""
    folder = data_dir / "run"
    # libpq splits a host at commas.
    if len(str(folder / _POSTGRES_SOCKET).encode()) <= _MAX_SOCKET_PATH_BYTES and "," not in str(folder):
        return folder
    name = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"parlor-{name}"


def private_database_url(data_dir: Path) -> str:
    """The address of the private PostgreSQL: a `postgresql://` URL of its socket."""
    return f"postgresql://parlor@/parlor?host={quote(str(socket_folder(data_dir)), safe='')}"


def private_redis_url(data_dir: Path) -> str:
    """The address of the private Redis: a `unix://` URL of its socket."""
    return f"unix://{quote(str(socket_folder(data_dir) / 'redis.sock'))}"


def redis_url(environment: Environment) -> str:
    """The address of the Redis in use."""
    return environment.REDIS_URL or private_redis_url(environment.DATA_DIR)


def database(environment: Environment) -> dict[str, Any]:
    """Django's `DATABASES["default"]`, with a connection pool. Raises EnvironmentRefused for a bad URL."""
    url = environment.DATABASE_URL or private_database_url(environment.DATA_DIR)
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its text may contain the password
        raise EnvironmentRefused(
            "Parlor cannot read DATABASE_URL: it must look like postgresql://user:password@host:port/name."
        ) from None
    known = {_DJANGO_KEYS[key]: value for key, value in parts.items() if key in _DJANGO_KEYS}
    options: dict[str, Any] = {key: value for key, value in parts.items() if key not in _DJANGO_KEYS}
    options["pool"] = {
        "min_size": 0,
        "max_size": environment.DATABASE_POOL_SIZE,
        "timeout": environment.DATABASE_POOL_TIMEOUT_SECONDS,
    }
    # psycopg's own default; Django never prepares statements (see foundation.prepared_statements).
    options["prepare_threshold"] = 5
    return {
        "ENGINE": "foundation.postgresql",
        **known,
        "OPTIONS": options,
        "CONN_MAX_AGE": 0,  # returned to the pool after each use
    }
