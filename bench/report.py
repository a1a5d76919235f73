"""Results as Markdown: a table of all readings, and the ratios within each run."""

from bench.quantities import median, spread
from bench.results import Results
from bench.scenarios.base import Scenario
from bench.subjects import BY_NAME

_REFERENCES = ("node", "socketio", "stock-daphne")
_NONE = "-"


def markdown(scenario: Scenario, results: Results) -> str:
    """The section of one scenario."""
    lines = [
        f"### {scenario.title}",
        "",
        scenario.text,
        "",
        _circumstances(results),
        "",
    ]
    table = _by_row if scenario.metrics[0].row else _table
    lines += table(scenario, results)
    ratios = _ratios(scenario, results)
    if ratios:
        lines += ["", "Ratios within a run:", "", *ratios]
    return "\n".join(lines) + "\n"


def _circumstances(results: Results) -> str:
    count = f"{len(results.runs)} run(s){', quick' if results.quick else ''}"
    return (
        f"{results.date}; {count}; {results.machine}; load average before it {results.load or 'not recorded'}; "
        f"uvicorn on {results.uvicorn_loop}. Median, and least to greatest where the runs differ."
    )


def number(values: list[float], digits: int) -> str:
    """The median of values, and their spread if they have one."""
    if not values:
        return _NONE
    middle = f"{median(values):,.{digits}f}"
    least, greatest = (f"{value:,.{digits}f}" for value in spread(values))
    return middle if least == greatest else f"{middle} ({least} to {greatest})"


def _table(scenario: Scenario, results: Results) -> list[str]:
    rows = [["", *(metric.heading for metric in scenario.metrics)]]
    for name in results.subjects():
        cells = [number(results.values(name, metric.key), metric.digits) for metric in scenario.metrics]
        rows.append([BY_NAME[name].label, *cells])
    return _drawn(rows)


def _by_row(scenario: Scenario, results: Results) -> list[str]:
    headings = list(dict.fromkeys(metric.heading for metric in scenario.metrics))
    names = results.subjects()
    table = [["", *(f"{BY_NAME[name].label}: {heading}" for name in names for heading in headings)]]
    for row in dict.fromkeys(metric.row for metric in scenario.metrics):
        metrics = [metric for metric in scenario.metrics if metric.row == row]
        cells = [
            number(results.values(name, metric.key), metric.digits) for name in names for metric in metrics
        ]
        if any(cell != _NONE for cell in cells):
            table.append([row, *cells])
    return _drawn(table)


def _ratios(scenario: Scenario, results: Results) -> list[str]:
    compared = {scenario.metrics[0].key, *scenario.also_compared}
    rows = []
    for metric in scenario.metrics:
        for name in results.subjects():
            subject = BY_NAME[name]
            if metric.key in compared and subject.kind == "parlor":
                others = [*_REFERENCES, f"raw-{subject.server}"]
                cells = [number(results.ratios(name, other, metric.key), 2) for other in others]
                if any(cell != _NONE for cell in cells):
                    rows.append([f"{subject.label}: {metric.heading}", *cells])
    if not rows:
        return []
    heads = ["", "of graphql-ws", "of socket.io", "of stock Strawberry", "of the raw loop, same server"]
    return _drawn([heads, *rows])


def _drawn(rows: list[list[str]]) -> list[str]:
    head, *body = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *body)]
