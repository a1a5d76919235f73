"""The soak, short and in a fixed order: each fault once, under both servers, while people talk; nothing is missing."""

import signal
import subprocess
import sys

from tests.server import ROOT

FEW = ("--clients", "4", "--talkers", "2", "--chats", "2", "--servers", "2", "--seed", "1")
TIMEOUT_SECONDS = 240
STOP_SECONDS = 30


def test_each_fault_leaves_no_hole_no_double_and_no_swap() -> None:
    """Servers killed and brought back, also without Redis; Redis restarted, away, hung, cut; PostgreSQL too."""
    command = [sys.executable, "-m", "bench.soak", "--each", *FEW]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as soak:
        try:
            said, _ = soak.communicate(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            # Not killed: it ends the servers that it started.
            soak.send_signal(signal.SIGINT)
            said, _ = soak.communicate(timeout=STOP_SECONDS)
    assert soak.returncode == 0, said
