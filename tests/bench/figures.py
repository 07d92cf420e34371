"""What a benchmark measures: figures, each beside its goal. Medians and ratios, for machines are noisy."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table."""

    what: str  # "alert to order's bytes, median"
    where: str  # "SQLite", "PostgreSQL + Redis"; "" where it does not matter
    value: float
    unit: str  # "ms", "s", "a second", "x floor", "MB", "%"
    goal: float | None = None  # None: shown only
    at_least: bool = False  # the goal is a least, not a most
    detail: str = ""  # what the value was made of

    @property
    def met(self) -> bool | None:
        """None where there is no goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def p99(seconds: Sequence[float]) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def beside_floor(
    what: str, where: str, seconds: Sequence[float], floor: Sequence[float], median: float, at_p99: float
) -> list[Figure]:
    """Median and p99 as ratios to what the bare floor took beside it, with their goals."""
    pairs = (("median", statistics.median, median), ("p99", p99, at_p99))
    return [
        Figure(
            f"{what}, {name}",
            where,
            of(seconds) / of(floor),
            "x floor",
            goal,
            detail=f"{of(seconds) * 1e3:.2f} ms beside {of(floor) * 1e3:.2f} ms, n={len(seconds)}",
        )
        for name, of, goal in pairs
    ]
