"""Assigns processor cores, raises the limit of open files, and measures processor time and memory."""

import os
import platform
import resource
from pathlib import Path

import psutil

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = frozenset(CORES[:1])
DRIVER_CORES = frozenset(CORES[1:]) or SERVER_CORES


def prepare() -> int:
    """Pin this process and its children to the driver's cores. Returns the raised limit of open files."""
    os.sched_setaffinity(0, DRIVER_CORES)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def describe() -> str:
    """Describe the hardware and the interpreter in one line."""
    memory = psutil.virtual_memory().total / 2**30
    hardware = f"{_processor()}, {len(CORES)} cores, {memory:.0f} GiB"
    return f"{hardware}, Linux {platform.release()}, Python {platform.python_version()}"


def load_average() -> str:
    """The load average of the last minute. A value above 0 before a run means that other work disturbs it."""
    return f"{os.getloadavg()[0]:.1f}"


def pss_bytes(process: psutil.Process) -> int:
    """Memory of a process and its children in bytes; shared pages are counted once (proportional set size)."""
    family = [process, *process.children(recursive=True)]
    return sum(int(member.memory_full_info().pss) for member in family)


def cpu_seconds(process: psutil.Process) -> float:
    """Processor seconds that a process and its children have used so far."""
    family = [process, *process.children(recursive=True)]
    times = [member.cpu_times() for member in family]
    return float(sum(time.user + time.system for time in times))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
