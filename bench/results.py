"""What the runs brought, kept as JSON so that tables and charts can be drawn again."""

import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.scenarios.base import Readings

FOLDER = Path(__file__).parent / "results"


@dataclass(slots=True)
class Results:
    """The runs of one scenario: in each, the readings by subject."""

    scenario: str
    machine: str
    uvicorn_loop: str
    quick: bool
    date: str = field(default_factory=lambda: time.strftime("%Y-%m-%d %H:%M"))
    load: str = ""
    runs: list[dict[str, Readings]] = field(default_factory=list)

    def subjects(self) -> list[str]:
        """Who was measured in every run."""
        return [name for name in self.runs[0] if all(name in run for run in self.runs)]

    def values(self, subject: str, metric: str) -> list[float]:
        """One reading over the runs; empty if the subject has none."""
        values = [run.get(subject, {}).get(metric, math.nan) for run in self.runs]
        return [] if any(map(math.isnan, values)) else values

    def ratios(self, subject: str, reference: str, metric: str) -> list[float]:
        """That reading over the reference's in the same run, for every run; empty if one has none."""
        above, below = self.values(subject, metric), self.values(reference, metric)
        if not above or not below or not all(below):
            return []
        return [one / other for one, other in zip(above, below, strict=True)]

    def save(self) -> Path:
        """Write them beside the tables."""
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / f"{self.scenario}.json"
        path.write_text(json.dumps(asdict(self), indent=1))
        return path


def load(scenario: str) -> Results:
    """Read what `save` wrote."""
    return Results(**json.loads((FOLDER / f"{scenario}.json").read_text()))
