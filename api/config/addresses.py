"""Where PostgreSQL and Redis answer: what the two URLs say, else the private servers under `DATA_DIR`.

The private addresses follow from `DATA_DIR` alone, so that `manage.py shell` finds the servers that `make run` runs.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from api.config.environment import Environment, EnvironmentRefused

# A socket's path has 108 bytes on Linux and 104 on macOS, with the closing zero; PostgreSQL adds this name.
_LONGEST_SOCKET = 103
_POSTGRES_SOCKET = ".s.PGSQL.5432"

_DJANGO_KEYS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def socket_folder(data_dir: Path) -> Path:
    """The folder of the private servers' sockets: in `data_dir`, or a short one named after it if that does not do."""
    folder = data_dir / "run"
    # libpq splits a host at commas.
    if len(str(folder / _POSTGRES_SOCKET).encode()) <= _LONGEST_SOCKET and "," not in str(folder):
        return folder
    name = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"parlor-{name}"


def private_database_url(data_dir: Path) -> str:
    """The private PostgreSQL's address, as a `postgresql://` URL over its socket."""
    return f"postgresql://parlor@/parlor?host={quote(str(socket_folder(data_dir)), safe='')}"


def private_redis_url(data_dir: Path) -> str:
    """The private Redis's address, as a `unix://` URL."""
    return f"unix://{quote(str(socket_folder(data_dir) / 'redis.sock'))}"


def redis_url(environment: Environment) -> str:
    """The Redis in use."""
    return environment.REDIS_URL or private_redis_url(environment.DATA_DIR)


def database(environment: Environment) -> dict[str, Any]:
    """Django's `DATABASES["default"]`, with a pool of connections. Raises EnvironmentRefused for a bad URL."""
    url = environment.DATABASE_URL or private_database_url(environment.DATA_DIR)
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its text may quote the password
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
    options["prepare_threshold"] = (
        5  # psycopg's own default; Django's is never (see foundation.prepared_statements)
    )
    return {
        "ENGINE": "foundation.postgresql",
        **known,
        "OPTIONS": options,
        "CONN_MAX_AGE": 0,  # given back to the pool after each use
    }
