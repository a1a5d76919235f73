"""The private servers: they keep their data, leave nothing else behind, and explain each failure in one sentence."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from api.config import addresses
from api.config.environment import ROOT
from api.local.embedded import ServerRefused, private_servers, stop_leftovers

# A process to be killed: it runs the servers until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from api.local.embedded import private_servers
with private_servers(Path(sys.argv[1]), durable=False):
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """No `redis-server` on PATH and no bundled one."""
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)


def servers_of(folder: Path) -> list[int]:
    """The ids of all server processes of `folder`, whichever process started them."""
    names = (str(folder / "postgres"), str(folder / "redis"))
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = process.cwd() in names and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        if is_ours:
            found.append(process.pid)
    return found


def hold(folder: Path) -> subprocess.Popen[str]:
    """Start a process that runs the servers of `folder`, and wait until they run."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "up\n"
    return holder


def kill(holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.communicate()


def write(folder: Path) -> None:
    with psycopg.connect(addresses.private_database_url(folder), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with Redis.from_url(addresses.private_redis_url(folder)) as client:
        client.set("kept", "42")


def assert_kept(folder: Path) -> None:
    with psycopg.connect(addresses.private_database_url(folder)) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    with Redis.from_url(addresses.private_redis_url(folder)) as client:
        assert client.get("kept") == b"42"


def test_only_the_data_lasts_from_one_run_to_the_next(folder: Path) -> None:
    with private_servers(folder, durable=False):
        write(folder)
        assert len(servers_of(folder)) >= 2
    assert servers_of(folder) == []
    assert not addresses.socket_folder(folder).exists()
    with private_servers(folder, durable=False):
        assert_kept(folder)


def test_a_run_stops_the_servers_of_a_killed_run(folder: Path) -> None:
    holder = hold(folder)
    write(folder)
    before = set(servers_of(folder))
    kill(holder)
    assert before & set(servers_of(folder))  # its servers live on
    with private_servers(folder, durable=False):
        assert_kept(folder)
        assert not before & set(servers_of(folder))


def test_leftovers_are_stopped_without_a_next_run(folder: Path) -> None:
    kill(hold(folder))
    assert servers_of(folder)
    stop_leftovers(folder)
    assert servers_of(folder) == []
    assert not addresses.socket_folder(folder).exists()


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_goes_on(folder: Path) -> None:
    with private_servers(folder, durable=False):
        with pytest.raises(ServerRefused, match="Another Parlor already runs"), private_servers(folder):
            pass
        with pytest.raises(ServerRefused, match="Another Parlor already runs"):
            stop_leftovers(folder)
        write(folder)
        assert_kept(folder)


def test_a_lock_file_that_names_an_unrelated_process_is_ignored(folder: Path) -> None:
    with private_servers(folder, with_redis=False, durable=False):
        lock = (folder / "postgres" / "postmaster.pid").read_text()
    stale = folder / "postgres" / "postmaster.pid"
    stale.write_text(lock.replace(lock.split("\n", 1)[0], str(os.getpid()), 1))
    with private_servers(folder, with_redis=False, durable=False):
        assert servers_of(folder)


def test_an_interrupted_first_start_is_repeated(folder: Path) -> None:
    (folder / "postgres.draft").mkdir()
    (folder / "postgres.draft" / "PG_VERSION").write_text("18\n")
    with private_servers(folder, with_redis=False, durable=False):
        assert servers_of(folder)


@pytest.mark.parametrize("name", ['a space and "quotes"', "a,comma", "long" * 25])
def test_the_folder_may_have_any_name(folder: Path, name: str) -> None:
    deep = folder / name
    with private_servers(deep, durable=False):
        write(deep)
        assert_kept(deep)
        sockets = addresses.socket_folder(deep)
        assert len(str(sockets / ".s.PGSQL.5432")) < 104
    assert not sockets.exists()


def test_only_the_requested_server_is_started(folder: Path) -> None:
    with private_servers(folder, with_postgres=False) as servers:
        assert servers.database_url is None
        assert servers.redis_url == addresses.private_redis_url(folder)
        assert len(servers_of(folder)) == 1
    assert not (folder / "postgres").exists()


def test_without_any_redis_server_a_sentence_says_what_to_install(folder: Path, no_redis: None) -> None:
    with (
        pytest.raises(ServerRefused, match=r"^There is no redis-server on PATH: install Redis 6\.2 or later"),
        private_servers(folder, with_postgres=False),
    ):
        pass


def test_a_redis_server_that_is_too_old_is_not_used(
    folder: Path, no_redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = folder / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.0.16 sha=00000000:0 bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    with (
        pytest.raises(ServerRefused, match=r"^The redis-server on PATH is too old"),
        private_servers(folder, with_postgres=False),
    ):
        pass


def test_without_the_wheel_a_sentence_says_so(folder: Path, no_redis: None) -> None:
    with pytest.raises(ServerRefused, match=r"^No private PostgreSQL is installed"), ExitStack() as stack:
        stack.enter_context(private_servers(folder, with_redis=False))


def test_a_server_that_does_not_start_gives_its_reason(folder: Path) -> None:
    with private_servers(folder, with_redis=False, durable=False):
        pass
    (folder / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with (
        pytest.raises(ServerRefused, match=r"^The private PostgreSQL did not start: "),
        private_servers(folder, with_redis=False, durable=False),
    ):
        pass
    assert servers_of(folder) == []
