"""Writes a scenario's results as Markdown: a table of all readings, and the ratios within each run."""

from bench.percentiles import median, spread
from bench.programs import PROGRAMS_BY_NAME
from bench.results import Results
from bench.scenarios.base import Scenario

_REFERENCES = ("node", "socketio", "stock-daphne")
_NONE = "-"


def markdown(scenario: Scenario, results: Results) -> str:
    """Return the Markdown section of one scenario."""
    lines = [
        f"### {scenario.title}",
        "",
        scenario.text,
        "",
        _conditions(results),
        "",
    ]
    table = _rows_of_metrics if scenario.metrics[0].row else _rows_of_programs
    lines += table(scenario, results)
    ratios = _ratios(scenario, results)
    if ratios:
        lines += ["", "Ratios within a run:", "", *ratios]
    return "\n".join(lines) + "\n"


def _conditions(results: Results) -> str:
    count = f"{len(results.runs)} run(s){', quick' if results.quick else ''}"
    return (
        f"{results.date}; {count}; {results.machine}; load average before it {results.load or 'not recorded'}; "
        f"uvicorn on {results.uvicorn_loop}. Median, and least to greatest where the runs differ."
    )


def format_number(values: list[float], digits: int) -> str:
    """Format the median of values, with their range if they differ."""
    if not values:
        return _NONE
    middle = f"{median(values):,.{digits}f}"
    least, greatest = (f"{value:,.{digits}f}" for value in spread(values))
    return middle if least == greatest else f"{middle} ({least} to {greatest})"


def _rows_of_programs(scenario: Scenario, results: Results) -> list[str]:
    rows = [["", *(metric.heading for metric in scenario.metrics)]]
    for name in results.programs():
        cells = [
            format_number(results.values(name, metric.key), metric.digits) for metric in scenario.metrics
        ]
        rows.append([PROGRAMS_BY_NAME[name].label, *cells])
    return _markdown_table(rows)


def _rows_of_metrics(scenario: Scenario, results: Results) -> list[str]:
    headings = list(dict.fromkeys(metric.heading for metric in scenario.metrics))
    names = results.programs()
    table = [["", *(f"{PROGRAMS_BY_NAME[name].label}: {heading}" for name in names for heading in headings)]]
    for row in dict.fromkeys(metric.row for metric in scenario.metrics):
        metrics = [metric for metric in scenario.metrics if metric.row == row]
        cells = [
            format_number(results.values(name, metric.key), metric.digits)
            for name in names
            for metric in metrics
        ]
        if any(cell != _NONE for cell in cells):
            table.append([row, *cells])
    return _markdown_table(table)


def _ratios(scenario: Scenario, results: Results) -> list[str]:
    compared = {scenario.metrics[0].key, *scenario.also_compared}
    rows = []
    for metric in scenario.metrics:
        for name in results.programs():
            program = PROGRAMS_BY_NAME[name]
            if metric.key in compared and program.kind == "parlor":
                others = [*_REFERENCES, f"raw-{program.server}"]
                cells = [format_number(results.ratios(name, other, metric.key), 2) for other in others]
                if any(cell != _NONE for cell in cells):
                    rows.append([f"{program.label}: {metric.heading}", *cells])
    if not rows:
        return []
    heads = ["", "of graphql-ws", "of socket.io", "of stock Strawberry", "of the raw loop, same server"]
    return _markdown_table([heads, *rows])


def _markdown_table(rows: list[list[str]]) -> list[str]:
    head, *body = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *body)]
