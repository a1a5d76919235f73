"""MemoryBudget: the total is bounded, and the least recently used caches are evicted first."""

from hypothesis import given
from hypothesis import strategies as st

from foundation.memory_budget import MemoryBudget


class FakeCache:
    """Has the size that it was given, until it is evicted."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self.size = 0

    def resize(self, size: int) -> None:
        """Have this size from now on."""
        self.size = size
        self.budget.report(self, size)

    def evict(self) -> None:
        """Called by the budget."""
        self.size = 0


def test_the_least_recently_used_is_evicted_first() -> None:
    budget = MemoryBudget(10)
    one, other, third = FakeCache(budget), FakeCache(budget), FakeCache(budget)
    one.resize(4)
    other.resize(4)
    one.resize(4)  # used again
    third.resize(4)
    assert (one.size, other.size, third.size, budget.total) == (4, 0, 4, 8)


def test_the_cache_that_reported_last_is_never_evicted() -> None:
    budget = MemoryBudget(10)
    one, other = FakeCache(budget), FakeCache(budget)
    one.resize(4)
    other.resize(50)
    assert (one.size, other.size, budget.total) == (0, 50, 50)
    one.resize(1)
    assert (one.size, other.size, budget.total) == (1, 0, 1)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30))))
def test_the_total_is_the_sum_of_the_sizes_and_bounded(steps: list[tuple[int, int]]) -> None:
    budget = MemoryBudget(40)
    caches = [FakeCache(budget) for _ in range(5)]
    for index, size in steps:
        caches[index].resize(size)
        assert caches[index].size == size
        assert budget.total == sum(cache.size for cache in caches) <= 40
