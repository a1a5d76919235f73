"""The soak in short: each fault once, in a fixed order, under both server programs; every event arrives."""

import signal
import subprocess
import sys

from tests.server import ROOT

FEW = ("--clients", "4", "--senders", "2", "--chats", "2", "--servers", "2", "--seed", "1")
TIMEOUT_SECONDS = 240
STOP_SECONDS = 30


def test_after_each_fault_no_event_is_missing_doubled_or_out_of_order() -> None:
    """Servers are killed, also without Redis; Redis is restarted, stopped, hung, cut off; PostgreSQL fails."""
    command = [sys.executable, "-m", "bench.soak", "--each", *FEW]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as soak:
        try:
            said, _ = soak.communicate(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            # Not SIGKILL: it must stop the servers that it started.
            soak.send_signal(signal.SIGINT)
            said, _ = soak.communicate(timeout=STOP_SECONDS)
    assert soak.returncode == 0, said
