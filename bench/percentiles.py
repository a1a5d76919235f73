"""Percentiles, median and range of measured values."""

import statistics
from array import array
from collections.abc import Sequence


def quantiles_ms(ages: "array[int]") -> tuple[float, float]:
    """The median and the 99th percentile, in milliseconds, of ages in nanoseconds; zeros if there are none."""
    if not ages:
        return 0.0, 0.0
    ordered = sorted(ages)
    return ordered[len(ordered) // 2] / 1e6, ordered[len(ordered) * 99 // 100] / 1e6


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The minimum and the maximum."""
    return min(values), max(values)
