"""Real servers, each a process of its own on a listening socket of ours: no port is guessed, no start is waited for.

Run as a program it is that process: `python -m tests.server daphne|uvicorn DESCRIPTOR module:application`.
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


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: `address` is its host:port, `log` the file of all that it says."""

    address: str
    log: Path
    process: subprocess.Popen[bytes]
    asked: list[signal.Signals] = field(default_factory=list)

    @property
    def http(self) -> str:
        """Where it answers GraphQL over HTTP."""
        return f"http://{self.address}/graphql/"

    @property
    def socket(self) -> str:
        """Where it answers GraphQL over a websocket."""
        return f"ws://{self.address}/graphql/"

    def kill(self) -> None:
        """End it as a power cut would."""
        self.ask(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def ask(self, number: signal.Signals) -> None:
        """Send it a signal to end."""
        self.asked.append(number)
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit status, once it has ended."""
        return await asyncio.to_thread(self.process.wait, STOP_SECONDS)


@contextlib.contextmanager
def serving(kind: str, application: str, log: Path, **environment: str) -> Iterator[Server]:
    """Serve `application` ("module:name") with "daphne" (ours, of api.servers.daphne) or "uvicorn".

    Connections wait in the socket's backlog until the process is up. It must not end unasked.
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
    """Be the process. No access log: it would show query strings."""
    if kind == "uvicorn":
        import uvicorn

        # Parlor as its README says, the applications of tests with uvicorn's own protocol: both are to work.
        protocol = "auto" if application.startswith("tests.") else "api.servers.uvicorn:WebSocketProtocol"
        uvicorn.run(application, fd=int(descriptor), access_log=False, ws=protocol, ws_ping_interval=None)
        return
    from api.servers.daphne import Server as Daphne

    module, _, name = application.partition(":")
    served = getattr(import_module(module), name)
    from api.process.drain import drain

    Daphne(
        application=served,
        endpoints=[f"fd:fileno={descriptor}"],
        verbosity=0,
        server_name="parlor",
        drain=drain,
    ).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
