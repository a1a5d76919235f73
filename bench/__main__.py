"""`python -m bench <scenario> ...`: run, and write a table, a chart and the readings into bench/results/.

`python -m bench quote` puts what is there into README.md.
"""

import argparse
import asyncio
import importlib.util
import sys
import time
from collections.abc import Sequence

from bench import chart, figures, machine, report, world
from bench.results import FOLDER, Results
from bench.scenarios import SCENARIOS
from bench.scenarios.base import FULL, QUICK, Readings, Scale, Scenario
from bench.senders import SendRefusedError
from bench.servers import ServerFailedError
from bench.subjects import BY_NAME

_GROUPS = {"fanout": ("fanout-500", "fanout-2000"), "all": tuple(SCENARIOS)}


def main(arguments: Sequence[str]) -> int:
    """Run the scenarios asked for; returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.scenarios == ["quote"]:
        _say(f"Quoted: {', '.join(figures.quote())}.")
        return 0
    names = [name for asked in options.scenarios for name in _GROUPS.get(asked, (asked,))]
    scale = QUICK if options.quick else FULL
    runs = options.runs or (1 if options.quick else 3)
    files = machine.prepare()
    _say(f"{machine.describe()}; {files:,} open files at most.")
    failed = False
    with world.running() as made:
        for name in names:
            failed |= not _run(SCENARIOS[name], made, scale, runs, options)
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("scenarios", nargs="+", choices=[*SCENARIOS, *_GROUPS, "quote"], metavar="scenario")
    parser.add_argument("--runs", type=int, help="how often; 3, or 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="shorter loads, for a look")
    parser.add_argument("--only", nargs="+", choices=BY_NAME, metavar="subject", help="these alone")
    parser.epilog = f"Scenarios: {', '.join((*SCENARIOS, *_GROUPS))}. Subjects: {', '.join(BY_NAME)}."
    return parser


def _run(scenario: Scenario, made: world.World, scale: Scale, runs: int, options: argparse.Namespace) -> bool:
    """All runs of one scenario, and its files; False if a subject failed."""
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    results = Results(scenario.name, machine.describe(), loop, options.quick, load=machine.load_average())
    _say(f"\n{scenario.title}")
    subjects = [name for name in scenario.subjects if not options.only or name in options.only]
    for number in range(runs):
        run: dict[str, Readings] = {}
        # Each run begins with another subject, so that none always comes first or last.
        for name in subjects[number % len(subjects) :] + subjects[: number % len(subjects)]:
            began = time.monotonic()
            try:
                run[name] = asyncio.run(scenario.measure(made, BY_NAME[name], scale))
            except (ServerFailedError, SendRefusedError, OSError, TimeoutError) as error:
                _say(f"  {name}: failed: {error}")
                continue
            first = scenario.metrics[0]
            reading = f"{run[name].get(first.key, float('nan')):,.{first.digits}f} {first.heading}"
            _say(f"  run {number + 1}, {name}: {reading} ({time.monotonic() - began:.0f} s)")
        results.runs.append({name: run[name] for name in subjects if name in run})
    _write(scenario, results)
    return all(len(run) == len(subjects) for run in results.runs)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _write(scenario: Scenario, results: Results) -> None:
    results.save()
    table = report.markdown(scenario, results)
    (FOLDER / f"{scenario.name}.md").write_text(table)
    (FOLDER / f"{scenario.name}.svg").write_text(chart.svg(scenario, results))
    _say(f"\n{table}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
