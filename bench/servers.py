"""Starts a measured program on the server's core, and reads its processor time and memory."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from api.config.environment import ROOT
from bench import host_resources
from bench.programs import Program
from bench.world import World

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class ServerFailedError(Exception):
    """A program did not start listening in time."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running process of a program."""

    program: Program
    port: int
    process: psutil.Process

    @property
    def url(self) -> str:
        """The address of the program's websocket."""
        return f"ws://127.0.0.1:{self.port}{self.program.path}"

    def cpu_seconds(self) -> float:
        """Processor seconds used so far."""
        return host_resources.cpu_seconds(self.process)

    def pss_bytes(self) -> int:
        """Memory in use now, in bytes (proportional set size)."""
        return host_resources.pss_bytes(self.process)


@contextlib.contextmanager
def running(
    program: Program, world: World, cores: frozenset[int] = host_resources.SERVER_CORES
) -> Iterator[Server]:
    """Run a process of the program on `cores`: wait until it listens, stop it at the end. Raises ServerFailedError."""
    port = _free_port()
    log = world.data_dir / f"{program.name}.log"
    with log.open("ab") as output, _pinned_to(cores):
        child = subprocess.Popen(
            program.command(world, port),
            cwd=ROOT,
            env={**os.environ, **world.environment()}
            if program.kind == "parlor"
            else _peer_environment(world),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_listening(child, port, lambda: log.read_text(errors="replace")[-2000:])
        yield Server(program, port, psutil.Process(child.pid))
    finally:
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _peer_environment(world: World) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {**kept, "REDIS_URL": world.redis_url, "NODE_ENV": "production"}


@contextlib.contextmanager
def _pinned_to(cores: frozenset[int]) -> Iterator[None]:
    # A child process inherits the processor affinity of the thread that forks it.
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
