"""Draws a scenario's first metric as an SVG bar chart: bars are medians, whiskers the range of the runs."""

from html import escape

from bench.percentiles import median, spread
from bench.programs import PROGRAMS_BY_NAME, Kind
from bench.results import Results
from bench.scenarios.base import Metric, Scenario

_WIDTH, _LABELS, _ROW, _TOP = 860, 330, 30, 52
_BARS = _WIDTH - _LABELS - 110
_COLOURS: dict[Kind, str] = {
    "parlor": "#2563eb",
    "node": "#64748b",
    "socketio": "#64748b",
    "stock": "#64748b",
    "raw": "#cbd5e1",
}


def svg(scenario: Scenario, results: Results) -> str:
    """Return the chart of one scenario as SVG."""
    metric = _shown(scenario, results)
    bars = [(name, values) for name in results.programs() if (values := results.values(name, metric.key))]
    longest = max((max(values) for _, values in bars), default=1.0) or 1.0
    height = _TOP + _ROW * len(bars) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="13">',
        f"<title>{escape(scenario.title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="15" font-weight="600" fill="#0f172a">{escape(scenario.title)}</text>',
        f'<text x="12" y="40" fill="#475569">{escape(_caption(metric, results))}</text>',
    ]
    for row, (name, values) in enumerate(bars):
        parts += _bar(_TOP + row * _ROW, name, values, longest, metric.digits)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _shown(scenario: Scenario, results: Results) -> Metric:
    """The first metric; for metrics in rows, the first metric of the last measured row."""
    if not scenario.metrics[0].row:
        return scenario.metrics[0]
    first = scenario.metrics[0].heading
    measured = [
        m for m in scenario.metrics if m.heading == first and results.values(results.programs()[0], m.key)
    ]
    return measured[-1]


def _caption(metric: Metric, results: Results) -> str:
    better = "more" if metric.higher_is_better else "less"
    what = f"{metric.row}: {metric.heading}" if metric.row else metric.heading
    return f"{what}; {better} is better; {len(results.runs)} run(s), {results.date}"


def _bar(top: int, name: str, values: list[float], longest: float, digits: int) -> list[str]:
    program = PROGRAMS_BY_NAME[name]
    middle = top + _ROW / 2
    length = median(values) / longest * _BARS
    low, high = (_LABELS + value / longest * _BARS for value in spread(values))
    return [
        f'<text x="{_LABELS - 10}" y="{middle + 4:.0f}" text-anchor="end" fill="#0f172a">'
        f"{escape(program.label)}</text>",
        f'<rect x="{_LABELS}" y="{top + 5}" width="{length:.1f}" height="{_ROW - 10}" rx="2" '
        f'fill="{_COLOURS[program.kind]}"/>',
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.0f}" y2="{middle:.0f}" stroke="#0f172a"/>',
        f'<text x="{high + 8:.1f}" y="{middle + 4:.0f}" fill="#0f172a">{median(values):,.{digits}f}</text>',
    ]
