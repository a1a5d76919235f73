"""SIGINT, SIGTERM and `stop` drain and end Daphne, whenever they come."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.server import ROOT

TIMEOUT_SECONDS = 60

PROGRAM = """
import os, signal, sys
from daphne.server import reactor
from api.servers.daphne import Server

on_ready = []

def interrupt():
    os.kill(os.getpid(), signal.{name})

async def drain():
    print("drained", flush=True)

server = Server(
    application=None,
    endpoints=["tcp:0:interface=127.0.0.1"],
    verbosity=0,
    ready_callable=lambda: [call() for call in on_ready],
    drain=drain,
)
{moment}
server.run()
"""
SIGNALS = {
    "before the reactor starts": "on_ready.append(interrupt)",
    # Twisted catches everything that a trigger raises, even a KeyboardInterrupt.
    "while the reactor starts": "reactor.addSystemEventTrigger('before', 'startup', interrupt)",
    "in the first turn": "reactor.callWhenRunning(interrupt)",
    "later": "reactor.callLater(0.1, interrupt)",
    "twice": "reactor.callLater(0.1, lambda: (interrupt(), interrupt()))",
    "while it stops": "on_ready.append(server.stop); reactor.addSystemEventTrigger('before', 'shutdown', interrupt)",
}
STOPS = {
    "before the reactor starts": "on_ready.append(server.stop)",
    "while the reactor starts": "reactor.addSystemEventTrigger('before', 'startup', server.stop)",
    "twice": "reactor.callLater(0.1, server.stop); reactor.callLater(0.1, server.stop)",
    "while it stops": "reactor.callLater(0.1, reactor.stop); reactor.callLater(0.1, server.stop)",
}


def run(moment: str, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
    """Run a server that is stopped at that moment; returns its exit status and what it printed."""
    program = PROGRAM.format(name=number.name, moment=moment)
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            printed, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
    return process.returncode, printed


@contextlib.contextmanager
def inherited(number: signal.Signals, action: signal.Handlers) -> Iterator[None]:
    """Let processes that are started in the context inherit this action for the signal."""
    before = signal.signal(number, action)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("moment", SIGNALS)
def test_sigint_drains_and_ends_the_server(moment: str) -> None:
    with inherited(signal.SIGINT, signal.SIG_DFL):
        assert run(SIGNALS[moment]) == (0, "drained\n")


@pytest.mark.parametrize("moment", ["before the reactor starts", "later"])
def test_sigterm_drains_and_ends_the_server(moment: str) -> None:
    assert run(SIGNALS[moment], signal.SIGTERM) == (0, "drained\n")


def test_sigint_ends_a_server_that_inherited_an_ignored_sigint() -> None:
    """A shell without job control starts background jobs with SIGINT ignored; Twisted would leave it ignored."""
    with inherited(signal.SIGINT, signal.SIG_IGN):
        assert run(SIGNALS["later"]) == (0, "drained\n")


@pytest.mark.parametrize("moment", STOPS)
def test_stop_drains_and_ends_the_server(moment: str) -> None:
    assert run(STOPS[moment]) == (0, "drained\n")
