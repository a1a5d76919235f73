"""Results as Markdown: a table of all readings, and the ratios of the first metric within each run."""

from bench.quantities import median, spread
from bench.results import Results
from bench.scenarios.base import Metric, Scenario
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
        f"{results.date}; {len(results.runs)} run(s){', quick' if results.quick else ''}; {results.machine}; "
        f"uvicorn on {results.uvicorn_loop}. Median, and least to greatest where the runs differ.",
        "",
    ]
    table = _by_row if scenario.metrics[0].row else _table
    lines += table(scenario, results)
    ratios = _ratios(scenario, results)
    if ratios:
        lines += ["", f"Ratios within a run, {scenario.metrics[0].heading}:", "", *ratios]
    return "\n".join(lines) + "\n"


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
    metric: Metric = scenario.metrics[0]
    rows = []
    for name in results.subjects():
        subject = BY_NAME[name]
        if subject.kind != "parlor":
            continue
        references = [*_REFERENCES, f"raw-{subject.server}"]
        rows.append(
            [subject.label, *(number(results.ratios(name, other, metric.key), 2) for other in references)]
        )
    if not any(cell != _NONE for row in rows for cell in row[1:]):
        return []
    heads = ["", "of graphql-ws", "of socket.io", "of stock Strawberry", "of the raw loop, same server"]
    return _drawn([heads, *rows])


def _drawn(rows: list[list[str]]) -> list[str]:
    head, *body = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *body)]
