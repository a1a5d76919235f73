"""`python -m bench <scenario> ...`: runs scenarios and writes a table, a chart and the readings into bench/results/.

`python -m bench quote` copies the results into bench/figures/ and README.md.
"""

import argparse
import asyncio
import importlib.util
import sys
import time
from collections.abc import Sequence

from bench import chart, host_resources, quote, report, world
from bench.programs import PROGRAMS_BY_NAME
from bench.results import FOLDER, Results
from bench.scenarios import SCENARIOS
from bench.scenarios.base import FULL, QUICK, Readings, Scale, Scenario
from bench.senders import SendRefusedError
from bench.servers import ServerFailedError

_GROUPS = {"fanout": ("fanout-500", "fanout-2000"), "all": tuple(SCENARIOS)}


def main(arguments: Sequence[str]) -> int:
    """Run the scenarios named in `arguments`. Returns the exit status: 1 if a program failed, else 0."""
    options = _parser().parse_args(arguments)
    if options.scenarios == ["quote"]:
        _print_line(f"Quoted: {', '.join(quote.quote_results())}.")
        return 0
    names = [name for given in options.scenarios for name in _GROUPS.get(given, (given,))]
    scale = QUICK if options.quick else FULL
    runs = options.runs or (1 if options.quick else 3)
    files = host_resources.prepare()
    _print_line(f"{host_resources.describe()}; at most {files:,} open files.")
    failed = False
    with world.running() as current_world:
        for name in names:
            failed |= not _run(SCENARIOS[name], current_world, scale, runs, options)
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("scenarios", nargs="+", choices=[*SCENARIOS, *_GROUPS, "quote"], metavar="scenario")
    parser.add_argument("--runs", type=int, help="number of runs; default 3, or 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="shorter loads, for a first impression")
    parser.add_argument(
        "--only", nargs="+", choices=PROGRAMS_BY_NAME, metavar="program", help="measure only these programs"
    )
    parser.epilog = (
        f"Scenarios: {', '.join((*SCENARIOS, *_GROUPS))}. Programs: {', '.join(PROGRAMS_BY_NAME)}."
    )
    return parser


def _run(
    scenario: Scenario, current_world: world.World, scale: Scale, runs: int, options: argparse.Namespace
) -> bool:
    """Run a scenario `runs` times and write its files. Returns False if a program failed."""
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    results = Results(
        scenario.name, host_resources.describe(), loop, options.quick, load=host_resources.load_average()
    )
    _print_line(f"\n{scenario.title}")
    programs = [name for name in scenario.programs if not options.only or name in options.only]
    for number in range(runs):
        run: dict[str, Readings] = {}
        # Each run starts with a different program, so that none is always first or last.
        for name in programs[number % len(programs) :] + programs[: number % len(programs)]:
            began = time.monotonic()
            try:
                run[name] = asyncio.run(scenario.measure(current_world, PROGRAMS_BY_NAME[name], scale))
            except (ServerFailedError, SendRefusedError, OSError, TimeoutError) as error:
                _print_line(f"  {name}: failed: {error}")
                continue
            first = scenario.metrics[0]
            reading = f"{run[name].get(first.key, float('nan')):,.{first.digits}f} {first.heading}"
            _print_line(f"  run {number + 1}, {name}: {reading} ({time.monotonic() - began:.0f} s)")
        results.runs.append({name: run[name] for name in programs if name in run})
    _write(scenario, results)
    return all(len(run) == len(programs) for run in results.runs)


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _write(scenario: Scenario, results: Results) -> None:
    results.save()
    table = report.markdown(scenario, results)
    (FOLDER / f"{scenario.name}.md").write_text(table)
    (FOLDER / f"{scenario.name}.svg").write_text(chart.svg(scenario, results))
    _print_line(f"\n{table}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
