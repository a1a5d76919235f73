"""The stage: a PostgreSQL, a Redis and servers that can be killed, hung and brought back on the same address."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import redis

from api import addresses
from api.embedded import postgres
from api.embedded import redis as embedded_redis
from api.environment import ROOT

_STOP_SECONDS = 20
_COMMANDS = {
    "daphne": ("-m", "bench.soak.serve_daphne"),
    "uvicorn": ("-m", "uvicorn", "api.asgi:application", "--no-access-log", "--log-level", "warning", "--fd"),
}


class Server:
    """A server program on a listening socket of ours: while it is gone, clients wait in the backlog."""

    def __init__(self, kind: str, log: Path, environment: Mapping[str, str]) -> None:
        self.kind = kind
        self._log = log
        self._environment = environment
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Run it."""
        descriptor = self._listener.fileno()
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *_COMMANDS[self.kind], str(descriptor)],
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[descriptor],
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End it and give up the address."""
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


class Stage:
    """Everything that may fall."""

    def __init__(self, data_dir: Path, kinds: list[str], settings: Mapping[str, str]) -> None:
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
        self._stack.enter_context(postgres.running(data_dir, self._sockets, durable=True))
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
        """End everything."""
        self._stack.close()

    def stop_redis(self) -> None:
        """Be without Redis."""
        self._redis.close()

    def start_redis(self) -> None:
        """Have Redis, with what its file has kept."""
        self._redis.enter_context(embedded_redis.running(self._data_dir, self._sockets))

    def cut_subscriptions(self) -> None:
        """Close the connections on which messages come."""
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    @contextlib.contextmanager
    def hung_redis(self) -> Iterator[None]:
        """A Redis that takes connections and answers nothing."""
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as client:
            process_id = int(client.info("server")["process_id"])
        os.kill(process_id, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process_id, signal.SIGCONT)


@contextlib.contextmanager
def standing(kinds: list[str], settings: Mapping[str, str]) -> Iterator[Stage]:
    """A stage whose servers are still to be started; removed at the end."""
    with tempfile.TemporaryDirectory(prefix="parlor-soak-") as folder:
        stage = Stage(Path(folder), kinds, settings)
        try:
            yield stage
        finally:
            stage.close()
