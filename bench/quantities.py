"""Small numbers out of many."""

import statistics
from array import array
from collections.abc import Sequence


def quantiles_ms(ages: "array[int]") -> tuple[float, float]:
    """The median and the 99th percentile of ages in nanoseconds, in milliseconds; zeros for none."""
    if not ages:
        return 0.0, 0.0
    ordered = sorted(ages)
    return ordered[len(ordered) // 2] / 1e6, ordered[len(ordered) * 99 // 100] / 1e6


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest."""
    return min(values), max(values)
