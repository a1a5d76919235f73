"""`manage.py dev` as a process: it prints, serves, stops, and leaves nothing behind."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from api.config import addresses
from api.config.environment import ROOT
from tests.api.local.test_embedded import servers_of


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


def start(**variables: str) -> subprocess.Popen[str]:
    """Start `manage.py dev` in a process group of its own, like a terminal's foreground job."""
    unset = {"DATABASE_URL", "REDIS_URL"} - variables.keys()
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.Popen(
        [sys.executable, "manage.py", "dev", "--no-pages"],
        cwd=ROOT,
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until_ready(process: subprocess.Popen[str]) -> str:
    """The output up to the last line of the greeting."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith("Ctrl-C"):
            return printed
    pytest.fail(f"it ended before it was ready: {printed}{process.communicate()[1]}")


def status_of(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; returns the exit status and stderr."""
    try:
        _, written = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, written


def refusal(**variables: str) -> str:
    """Start it where it cannot start; returns stderr."""
    status, written = end(start(**variables))
    assert status == 1
    return written


def test_two_runs_start_from_nothing_and_leave_nothing(folder: Path, port: int) -> None:
    first = start(DATA_DIR=str(folder), PORT=str(port))
    printed = until_ready(first)
    assert "Making demo data." in printed
    assert f"http://127.0.0.1:{port}/graphql/" in printed
    assert "ann, bob, cy" in printed
    assert "parlor-demo" in printed
    assert status_of(port, "/admin/login/") == 200
    assert status_of(port, "/static/admin/css/base.css") == 200
    os.killpg(first.pid, signal.SIGINT)  # what Ctrl-C sends
    assert end(first) == (0, "")
    assert_nothing_is_left(folder, port)

    second = start(DATA_DIR=str(folder), PORT=str(port))
    assert "Making demo data." not in until_ready(second)
    second.terminate()
    assert end(second) == (0, "")
    assert_nothing_is_left(folder, port)


def assert_nothing_is_left(folder: Path, port: int) -> None:
    assert servers_of(folder) == []
    assert not addresses.socket_folder(folder).exists()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize("line", ["Starting private servers", "Making demo data"])
def test_ctrl_c_during_the_start_leaves_nothing_either(folder: Path, port: int, line: str) -> None:
    process = start(DATA_DIR=str(folder), PORT=str(port))
    assert process.stdout is not None
    assert any(printed.startswith(line) for printed in process.stdout)
    os.killpg(process.pid, signal.SIGINT)
    assert end(process) == (0, "")
    assert_nothing_is_left(folder, port)


def test_a_taken_port_is_one_sentence_and_nothing_is_started(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert refusal(DATA_DIR=str(folder), PORT=str(port)) == (
            f"Port {port} on 127.0.0.1 is taken by another program: stop it, or set PORT to a free one.\n"
        )
    assert list(folder.iterdir()) == []


def test_a_dead_database_is_one_sentence_without_its_password(folder: Path, port: int) -> None:
    written = refusal(
        DATA_DIR=str(folder), PORT=str(port), DATABASE_URL=f"postgresql://ann:hunter2@127.0.0.1:{port}/chat"
    )
    assert written.startswith(f"PostgreSQL does not answer at DATABASE_URL (127.0.0.1:{port}): ")
    assert written.count("\n") == 1
    assert "hunter2" not in written


def test_an_unreachable_redis_is_one_sentence_without_its_password(folder: Path, port: int) -> None:
    written = refusal(DATA_DIR=str(folder), PORT=str(port), REDIS_URL=f"redis://:hunter2@127.0.0.1:{port}/0")
    assert written.startswith("Redis does not answer at REDIS_URL: ")
    assert written.count("\n") == 1
    assert "hunter2" not in written


def test_given_addresses_are_used_and_nothing_is_started(folder: Path, port: int) -> None:
    given = {"DATABASE_URL": os.environ["DATABASE_URL"], "REDIS_URL": os.environ["REDIS_URL"]}
    process = start(DATA_DIR=str(folder), PORT=str(port), **given)
    assert "Starting private servers" not in until_ready(process)
    assert servers_of(folder) == []
    process.terminate()
    assert end(process) == (0, "")


def test_production_is_refused(folder: Path) -> None:
    written = refusal(DATA_DIR=str(folder), ENVIRONMENT="production", SECRET_KEY="k" * 50)
    assert written.startswith("`manage.py dev` makes demo data with a public password")
