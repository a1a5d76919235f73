"""A subject's process: started on the server's core, measured from outside, stopped at the end."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from api.config.environment import ROOT
from bench import machine
from bench.subjects import Subject
from bench.world import World

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class ServerFailedError(Exception):
    """A subject did not start."""


@dataclass(frozen=True, slots=True)
class Server:
    """One running process of a subject."""

    subject: Subject
    port: int
    process: psutil.Process

    @property
    def url(self) -> str:
        """Where its websocket answers."""
        return f"ws://127.0.0.1:{self.port}{self.subject.path}"

    def cpu_seconds(self) -> float:
        """Processor time used so far."""
        return machine.cpu_seconds(self.process)

    def pss_bytes(self) -> int:
        """Memory in use now."""
        return machine.pss_bytes(self.process)


@contextlib.contextmanager
def running(subject: Subject, world: World, cores: frozenset[int] = machine.SERVER_CORES) -> Iterator[Server]:
    """Start one process of the subject, wait until it listens, and stop it at the end. Raises ServerFailedError."""
    port = _free_port()
    log = world.data_dir / f"{subject.name}.log"
    with log.open("ab") as output, _on(cores):
        child = subprocess.Popen(
            subject.command(world, port),
            cwd=ROOT,
            env={**os.environ, **world.environment()} if subject.kind == "parlor" else _bare(world),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_listening(child, port, lambda: log.read_text(errors="replace")[-2000:])
        yield Server(subject, port, psutil.Process(child.pid))
    finally:
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _bare(world: World) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {**kept, "REDIS_URL": world.redis_url, "NODE_ENV": "production"}


@contextlib.contextmanager
def _on(cores: frozenset[int]) -> Iterator[None]:
    # A child inherits the cores of the thread that forks it.
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(child: subprocess.Popen[bytes], port: int, read_log: Callable[[], str]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if child.poll() is not None or time.monotonic() > deadline:
            raise ServerFailedError(f"{child.args!r} did not start:\n{read_log()}")
        time.sleep(0.02)
