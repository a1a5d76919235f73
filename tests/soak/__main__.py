"""`python -m bench.soak --help`. Exit status 0: each follower got every event once, in order, as the log has it."""

import argparse
import os
import sys
from collections.abc import Sequence

from tests.soak import faults, stall
from tests.soak.stage import COMMANDS


def main(arguments: Sequence[str]) -> int:
    """Run a scenario; returns the exit status."""
    options = _options(arguments)
    return stall.run(options) if options.scenario == "stall" else faults.run(options)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.soak", description=__doc__)
    parser.add_argument("scenario", nargs="?", choices=("faults", "stall"), default="faults")
    group = parser.add_argument_group("faults", "people talk while everything that may fall falls")
    group.add_argument("--clients", type=int, default=40, help="who follow")
    group.add_argument("--talkers", type=int, default=8, help="who send")
    group.add_argument("--chats", type=int, default=5)
    group.add_argument("--servers", type=int, default=3)
    group.add_argument("--minutes", type=float, default=3)
    group.add_argument(
        "--outage",
        type=float,
        default=60,
        help="seconds for which Redis is gone, in the middle; 0: not at all",
    )
    group.add_argument("--pause", type=float, default=0.02, help="mean seconds between two sends of a talker")
    group.add_argument("--fault-every", type=float, default=6, help="mean seconds between two faults")
    group.add_argument("--each", action="store_true", help="each fault once, in a fixed order, instead")
    group.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    group = parser.add_argument_group("stall", "readers who read nothing while a chat goes on")
    group.add_argument("--kinds", nargs="+", choices=tuple(COMMANDS), default=tuple(COMMANDS))
    group.add_argument("--variants", nargs="+", choices=stall.VARIANTS, default=stall.VARIANTS)
    group.add_argument("--events", type=int, default=100_000, help="that pass meanwhile")
    group.add_argument("--stalled", type=int, default=4, help="who stand still")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
