"""Runs server programs in processes of their own, on listening sockets of this one: no free port is guessed.

As a program it is such a process: `python -m tests.server daphne|uvicorn DESCRIPTOR module:application`.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STOP_SECONDS = 10
# Applications of tests of the HTTP and socket layers. uvicorn serves them with its own websocket protocol, so that both
# protocols are tested.
OF_API_TESTS = "tests.api."


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `address` is its host:port, `log` the file of its output, `asked` the signals sent to it."""

    address: str
    log: Path
    process: subprocess.Popen[bytes]
    asked: list[signal.Signals] = field(default_factory=list)

    @property
    def http(self) -> str:
        """Its address for GraphQL over HTTP."""
        return f"http://{self.address}/graphql/"

    @property
    def socket(self) -> str:
        """Its address for GraphQL over a websocket."""
        return f"ws://{self.address}/graphql/"

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        self.ask(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def ask(self, number: signal.Signals) -> None:
        """Send it a signal that ends it."""
        self.asked.append(number)
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait until it has ended, STOP_SECONDS at most, and return its exit status."""
        return await asyncio.to_thread(self.process.wait, STOP_SECONDS)


@contextlib.contextmanager
def serving(kind: str, application: str, log: Path, **environment: str) -> Iterator[Server]:
    """Serve `application` ("module:name") with "uvicorn" or "daphne" (the Server of api.servers.daphne).

    Connections wait in the socket's backlog until the process is up. The test fails when it ends without a signal.
    """
    with log.open("ab") as output, socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.server", kind, str(listener.fileno()), application],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
        )
        host, port = listener.getsockname()
    try:
        server = Server(f"{host}:{port}", log, process)
        yield server
    finally:
        has_ended = process.poll() is not None
        _stop(process)
    assert not has_ended or server.asked, f"{kind} ended by itself:\n{log.read_text()}"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(kind: str, descriptor: str, application: str) -> None:
    """Serve in this process."""
    if kind == "uvicorn":
        _run_uvicorn(int(descriptor), application)
    else:
        _run_daphne(int(descriptor), application)


def _run_uvicorn(descriptor: int, application: str) -> None:
    import uvicorn

    if application.startswith(OF_API_TESTS):
        uvicorn.run(application, fd=descriptor, access_log=False, ws_ping_interval=None)
        return
    # The options that the README's section "In production" names.
    uvicorn.run(
        application,
        fd=descriptor,
        access_log=False,
        ws="api.servers.uvicorn:WebSocketProtocol",
        ws_per_message_deflate=False,
        ws_ping_interval=0,
    )


def _run_daphne(descriptor: int, application: str) -> None:
    from api.servers.daphne import Server as Daphne

    module, _, name = application.partition(":")
    served = getattr(import_module(module), name)
    from api.process.drain import drain  # once the application has set Django up

    Daphne(
        application=served,
        endpoints=[f"fd:fileno={descriptor}"],
        verbosity=0,
        server_name="parlor",
        drain=drain,
    ).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
