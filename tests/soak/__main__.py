"""`python -m bench.soak --help`. Exit status 0: each subscriber got every event once, in order, as the log has it."""

import argparse
import os
import sys
from collections.abc import Sequence

from tests.soak import faults, stall
from tests.soak.system_under_test import COMMANDS


def main(arguments: Sequence[str]) -> int:
    """Run a scenario; returns the exit status."""
    options = _options(arguments)
    return stall.run(options) if options.scenario == "stall" else faults.run(options)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.soak", description=__doc__)
    parser.add_argument("scenario", nargs="?", choices=("faults", "stall"), default="faults")
    group = parser.add_argument_group("faults", "clients send while servers, Redis and PostgreSQL fail")
    group.add_argument("--clients", type=int, default=40, help="clients that subscribe")
    group.add_argument("--senders", type=int, default=8, help="clients that send")
    group.add_argument("--chats", type=int, default=5)
    group.add_argument("--servers", type=int, default=3)
    group.add_argument("--minutes", type=float, default=3)
    group.add_argument(
        "--outage",
        type=float,
        default=60,
        help="seconds of the Redis outage in the middle of the run; 0: none",
    )
    group.add_argument("--pause", type=float, default=0.02, help="mean seconds between two sends of a sender")
    group.add_argument("--fault-every", type=float, default=6, help="mean seconds between two faults")
    group.add_argument("--each", action="store_true", help="each fault once, in a fixed order, instead")
    group.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    group = parser.add_argument_group("stall", "readers that stop reading while a chat goes on")
    group.add_argument("--kinds", nargs="+", choices=tuple(COMMANDS), default=tuple(COMMANDS))
    group.add_argument("--variants", nargs="+", choices=stall.VARIANTS, default=stall.VARIANTS)
    group.add_argument("--events", type=int, default=100_000, help="events sent meanwhile")
    group.add_argument("--stalled", type=int, default=4, help="readers that stop reading")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
