"""What an experiment is."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bench.subjects import Subject
from bench.world import World


@dataclass(frozen=True, slots=True)
class Metric:
    """One column: its key among the readings, its heading with the unit, and its decimals.

    A scenario with very many metrics names a row for each as well; its columns are repeated for every subject.
    """

    key: str
    heading: str
    digits: int = 0
    higher_is_better: bool = True
    row: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """How long an experiment takes: seconds of each load, and the part of the sockets of long ones."""

    saturate_seconds: float
    pace_seconds: float
    storm_sockets: int
    concurrencies: tuple[int, ...]


FULL = Scale(5.0, 4.0, 3000, (1, 16, 64))
QUICK = Scale(2.0, 2.0, 3000, (1, 64))

Readings = dict[str, float]
Measure = Callable[[World, Subject, Scale], Coroutine[Any, Any, Readings]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """An experiment that is made with each subject in turn.

    The chart shows the first metric; ratios are taken of it and of `also_compared`.
    """

    name: str
    title: str
    text: str
    subjects: tuple[str, ...]
    metrics: tuple[Metric, ...]
    measure: Measure
    also_compared: tuple[str, ...] = ()
