"""Real servers, each a process of its own on a listening socket of ours: no port is guessed, no start is waited for."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STOP_SECONDS = 10


@contextlib.contextmanager
def serving(server: str, application: str, **environment: str) -> Iterator[tuple[str, Path]]:
    """Serve `application` ("module:name") with "daphne" or "uvicorn"; gives its host:port and the file of its log.

    Connections wait in the socket's backlog until the process is up.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        descriptor = str(listener.fileno())
        options = (
            ["--no-access-log", "--lifespan", "off"] if server == "uvicorn" else ["--access-log", os.devnull]
        )
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", server, "--fd", descriptor, *options, application],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
            )
        host, port = listener.getsockname()
        try:
            yield f"{host}:{port}", log
        finally:
            assert process.poll() is None, f"{server} ended by itself:\n{log.read_text()}"
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
