"""What a benchmark measures: figures, each beside its goal. Medians and ratios, for machines are noisy."""

import math
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

    @property
    def share(self) -> float | None:
        """How much of what the goal allows is used: up to 1 it is met, at 2 it is missed by half."""
        if self.goal is None:
            return None
        part, whole = (self.goal, self.value) if self.at_least else (self.value, self.goal)
        if whole > 0:
            return part / whole
        return 1.0 if self.met else math.inf


def p99(seconds: Sequence[float]) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def milliseconds(what: str, where: str, seconds: Sequence[float]) -> list[Figure]:
    """Median and p99, shown only."""
    detail = f"longest {max(seconds) * 1e3:.2f} ms, n={len(seconds)}"
    return [
        Figure(f"{what}, {name}", where, of(seconds) * 1e3, "ms", detail=detail)
        for name, of in (("median", statistics.median), ("p99", p99))
    ]


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


def beside_ours(
    what: str, where: str, theirs: Sequence[float], ours: Sequence[float], at_least: float | None
) -> Figure:
    """How many times as long as the daemon something else took beside it, at the median."""
    them, us = statistics.median(theirs), statistics.median(ours)
    detail = f"{them * 1e3:.2f} ms beside {us * 1e3:.2f} ms, n={len(theirs)}"
    return Figure(f"{what}, median", where, them / us, "x ours", at_least, at_least=True, detail=detail)
