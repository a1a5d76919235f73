"""The readings of a scenario's runs, stored as JSON so that tables and charts can be drawn again."""

import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.scenarios.base import Readings

FOLDER = Path(__file__).parent / "results"


@dataclass(slots=True)
class Results:
    """The runs of one scenario. `runs` holds, for each run, the readings by program name."""

    scenario: str
    machine: str
    uvicorn_loop: str
    quick: bool
    date: str = field(default_factory=lambda: time.strftime("%Y-%m-%d %H:%M"))
    load: str = ""
    runs: list[dict[str, Readings]] = field(default_factory=list)

    def programs(self) -> list[str]:
        """The names of the programs that every run measured."""
        return [name for name in self.runs[0] if all(name in run for run in self.runs)]

    def values(self, program: str, metric: str) -> list[float]:
        """A program's readings of one metric, one per run; empty if a run has none."""
        values = [run.get(program, {}).get(metric, math.nan) for run in self.runs]
        return [] if any(map(math.isnan, values)) else values

    def ratios(self, program: str, reference: str, metric: str) -> list[float]:
        """A program's reading divided by the reference's reading of the same run; empty if a run has none."""
        values, references = self.values(program, metric), self.values(reference, metric)
        if not values or not references or not all(references):
            return []
        return [value / other for value, other in zip(values, references, strict=True)]

    def save(self) -> Path:
        """Write the results into bench/results/ and return the path."""
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / f"{self.scenario}.json"
        path.write_text(json.dumps(asdict(self), indent=1))
        return path


def load(scenario: str) -> Results:
    """Read what `save` wrote."""
    return Results(**json.loads((FOLDER / f"{scenario}.json").read_text()))
