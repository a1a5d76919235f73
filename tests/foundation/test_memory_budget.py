"""What many holders keep is bounded in all; whoever used theirs last keeps it."""

from hypothesis import given
from hypothesis import strategies as st

from foundation.memory_budget import MemoryBudget


class Cache:
    """Keeps what it says, until it lets go."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self.kept = 0

    def keep(self, size: int) -> None:
        """Keep so much from now on."""
        self.kept = size
        self.budget.report(self, size)

    def evict(self) -> None:
        """Told by the budget."""
        self.kept = 0


def test_the_longest_unused_lets_go_first() -> None:
    budget = MemoryBudget(10)
    one, other, third = Cache(budget), Cache(budget), Cache(budget)
    one.keep(4)
    other.keep(4)
    one.keep(4)  # used again
    third.keep(4)
    assert (one.kept, other.kept, third.kept, budget.total) == (4, 0, 4, 8)


def test_whoever_keeps_last_keeps_all_of_it() -> None:
    budget = MemoryBudget(10)
    one, other = Cache(budget), Cache(budget)
    one.keep(4)
    other.keep(50)
    assert (one.kept, other.kept, budget.total) == (0, 50, 50)
    one.keep(1)
    assert (one.kept, other.kept, budget.total) == (1, 0, 1)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30))))
def test_the_account_is_what_is_kept_and_within_the_bound(steps: list[tuple[int, int]]) -> None:
    budget = MemoryBudget(40)
    holders = [Cache(budget) for _ in range(5)]
    for index, size in steps:
        holders[index].keep(size)
        assert holders[index].kept == size
        assert budget.total == sum(holder.kept for holder in holders) <= 40
