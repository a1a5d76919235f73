"""The parts of a benchmark scenario: metrics, scale and measuring function."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bench.programs import Program
from bench.world import World


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of the table: its key in the readings, its heading with the unit, and its number of decimals.

    A scenario with many metrics also names a row for each; its table then has a column per program and heading.
    """

    key: str
    heading: str
    digits: int = 0
    higher_is_better: bool = True
    row: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of a run: seconds per load, sockets of a storm, and numbers of concurrent senders."""

    saturate_seconds: float
    pace_seconds: float
    storm_sockets: int
    concurrencies: tuple[int, ...]


FULL = Scale(5.0, 4.0, 3000, (1, 16, 64))
QUICK = Scale(2.0, 2.0, 3000, (1, 64))

Readings = dict[str, float]
Measure = Callable[[World, Program, Scale], Coroutine[Any, Any, Readings]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A benchmark that measures each program in turn.

    The chart shows the first metric. Ratios are computed for it and for `also_compared`.
    """

    name: str
    title: str
    text: str
    programs: tuple[str, ...]
    metrics: tuple[Metric, ...]
    measure: Measure
    also_compared: tuple[str, ...] = ()
