"""PostgreSQL, Redis and servers that can be killed, hung and started again on the same addresses."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import redis

from api.config import addresses
from api.config.environment import ROOT
from api.local.embedded import postgres
from api.local.embedded import redis as embedded_redis

_STOP_SECONDS = 20
# uvicorn with the options of the README.
COMMANDS = {
    "uvicorn": (
        *("-m", "uvicorn", "api.asgi:application", "--no-access-log", "--log-level", "warning"),
        *("--ws", "api.servers.uvicorn:WebSocketProtocol", "--ws-per-message-deflate", "false"),
        *("--ws-ping-interval", "0", "--fd"),
    ),
    "daphne": ("-m", "tests.soak.serve_daphne"),
}


class Server:
    """A server program on a listening socket of this process: while it is gone, clients wait in the backlog."""

    def __init__(self, kind: str, log: Path, environment: Mapping[str, str]) -> None:
        self.kind = kind
        self._log = log
        self._environment = environment
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Start the server."""
        descriptor = self._listener.fileno()
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *COMMANDS[self.kind], str(descriptor)],
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[descriptor],
            )

    @property
    def process_id(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill the server, as a power cut would."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop the server and close its address."""
        self._end(signal.SIGTERM)
        self._listener.close()

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
                return
            process.kill()
            process.wait()


class SystemUnderTest:
    """Everything that may fail. With `durable`, what PostgreSQL commits outlives a crash."""

    def __init__(
        self, data_dir: Path, kinds: Sequence[str], settings: Mapping[str, str], *, durable: bool
    ) -> None:
        self._data_dir = data_dir
        self._sockets = addresses.socket_folder(data_dir)
        self._sockets.mkdir(mode=0o700)
        self.environment = {
            **settings,
            "DATABASE_URL": addresses.private_database_url(data_dir),
            "REDIS_URL": addresses.private_redis_url(data_dir),
        }
        self._stack = contextlib.ExitStack()
        self._stack.callback(shutil.rmtree, self._sockets, ignore_errors=True)
        self._durable = durable
        self._postgres = contextlib.ExitStack()
        self._stack.callback(self._postgres.close)
        self.start_postgres()
        self._redis = contextlib.ExitStack()
        self._stack.callback(self._redis.close)
        self.start_redis()
        self.servers = [
            Server(kind, data_dir / f"{number}-{kind}.log", self.environment)
            for number, kind in enumerate(kinds, 1)
        ]
        for server in self.servers:
            self._stack.callback(server.close)

    def close(self) -> None:
        """Stop everything."""
        self._stack.close()

    def stop_postgres(self) -> None:
        """Stop PostgreSQL, which cuts its connections."""
        self._postgres.close()

    def crash_postgres(self) -> None:
        """Crash PostgreSQL, which has to recover when it starts again."""
        lock = self._data_dir / "postgres" / "postmaster.pid"
        os.kill(int(lock.read_text().split("\n", 1)[0]), signal.SIGQUIT)
        self._postgres.close()

    def start_postgres(self) -> None:
        """Start PostgreSQL with everything committed."""
        self._postgres.enter_context(postgres.running(self._data_dir, self._sockets, durable=self._durable))

    def stop_redis(self) -> None:
        """Stop Redis."""
        self._redis.close()

    def start_redis(self) -> None:
        """Start Redis with the data of its file."""
        self._redis.enter_context(embedded_redis.running(self._data_dir, self._sockets))

    def cut_subscriptions(self) -> None:
        """Have Redis close its pub/sub connections."""
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    @contextlib.contextmanager
    def hung_redis(self) -> Iterator[None]:
        """Have Redis accept connections and answer nothing."""
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as client:
            process_id = int(client.info("server")["process_id"])
        os.kill(process_id, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process_id, signal.SIGCONT)


@contextlib.contextmanager
def running_system(
    kinds: Sequence[str], settings: Mapping[str, str], *, durable: bool = True
) -> Iterator[SystemUnderTest]:
    """Run the services; the servers are still to be started. Everything is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="parlor-soak-") as folder:
        system = SystemUnderTest(Path(folder), kinds, settings, durable=durable)
        try:
            yield system
        finally:
            system.close()
