"""Runs the private PostgreSQL and Redis of one data folder, under a lock on the folder."""

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from api.config import addresses
from api.local.embedded import postgres, redis
from api.local.embedded.errors import ServerRefused


@dataclass(frozen=True, slots=True)
class PrivateServers:
    """The addresses of the running servers; None for a server that was not asked for."""

    database_url: str | None
    redis_url: str | None


@contextlib.contextmanager
def private_servers(
    data_dir: Path, *, with_postgres: bool = True, with_redis: bool = True, durable: bool = True
) -> Iterator[PrivateServers]:
    """Run the servers while the context lasts, with their data under `data_dir`.

    `durable=False`, for tests, trades crash safety for speed and allows more connections. Raises ServerRefused when
    another process uses the folder, or when a server's program is missing or the server fails to start.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir = data_dir.resolve()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_locked(data_dir))
        sockets = _make_socket_folder(data_dir)
        stack.callback(shutil.rmtree, sockets, ignore_errors=True)
        if with_postgres:
            stack.enter_context(postgres.running(data_dir, sockets, durable=durable))
        if with_redis:
            stack.enter_context(redis.running(data_dir, sockets))
        yield PrivateServers(
            addresses.private_database_url(data_dir) if with_postgres else None,
            addresses.private_redis_url(data_dir) if with_redis else None,
        )


def stop_leftovers(data_dir: Path) -> None:
    """Stop the servers that a killed run left behind under `data_dir`. Raises ServerRefused while a run uses it."""
    if not data_dir.is_dir():
        return
    data_dir = data_dir.resolve()
    with _locked(data_dir):
        sockets = addresses.socket_folder(data_dir)
        postgres.stop_leftover(data_dir)
        redis.stop_leftover(sockets)
        shutil.rmtree(sockets, ignore_errors=True)


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    # The lock is on the folder itself: it leaves no file behind, and the kernel frees it when the holder is killed.
    descriptor = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ServerRefused(
            f"Another Parlor already runs its private servers in {data_dir}: stop it, or set another DATA_DIR."
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _make_socket_folder(data_dir: Path) -> Path:
    sockets = addresses.socket_folder(data_dir)
    sockets.mkdir(mode=0o700, exist_ok=True)
    # The folder may be in one that all users can write to, and PostgreSQL trusts everyone who reaches its socket.
    found = sockets.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), postgres.owner_of(data_dir)):
        raise ServerRefused(f"{sockets} belongs to another user: remove it, or set another DATA_DIR.")
    sockets.chmod(0o700)
    return sockets
