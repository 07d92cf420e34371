"""Figures with a limit of the owner's: he is told once when one is crossed, and once when it is back. Pure.

Rules: a figure that is not known yet crosses nothing, and brings nothing back. What is crossed is back only when it has come
a tenth of the limit away from it, so that a figure that lies on its limit is not told all day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum

SESSIONS = 20
"""What is a share or an average is of so many sessions, the last one included: about a month."""
BACK = 0.1


class Threshold(StrEnum):
    """What has a limit; the names are those of the configuration."""

    DRAWDOWN = "drawdown_pct"  # % that the account is below its best of a year, deposits left out
    LOSS_STREAK = "loss_streak"  # exits in a row that lost, of one strategy
    IN_TIME = (
        "in_time_pct"  # % of orders at IB within a second of their alert; the only one that is to be above its limit
    )
    SLIPPAGE = "slippage_bps"  # average cost of the road, in basis points
    REJECTED = "rejected_pct"  # % of alerts that were not understood, or whose order IB refused
    SILENT = "silent_sessions"  # sessions without an alert of a strategy that had some


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The owner's limits; None: not watched."""

    drawdown_pct: float | None = None
    loss_streak: float | None = None
    in_time_pct: float | None = None
    slippage_bps: float | None = None
    rejected_pct: float | None = None
    silent_sessions: float | None = None

    def of(self, threshold: Threshold) -> float | None:
        limit: float | None = getattr(self, threshold.value)
        return limit

    @property
    def any(self) -> bool:
        return any(getattr(self, one.name) is not None for one in fields(self))


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure beside its limit. `value` None: not yet."""

    threshold: Threshold
    strategy: str | None  # None: of the whole account
    value: float | None
    limit: float

    @property
    def key(self) -> str:
        """What it is remembered under."""
        return self.threshold.value if self.strategy is None else f"{self.threshold.value}.{self.strategy}"

    @property
    def beyond(self) -> bool:
        if self.value is None:
            return False
        return self.value < self.limit if self.threshold is Threshold.IN_TIME else self.value >= self.limit

    @property
    def back(self) -> bool:
        """A tenth away from the limit, on the good side."""
        if self.value is None:
            return False
        if self.threshold is Threshold.IN_TIME:
            return self.value >= self.limit + (100 - self.limit) * BACK
        return self.value <= self.limit * (1 - BACK)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be told."""

    crossed: tuple[Reading, ...]
    back: tuple[tuple[Reading, datetime], ...]  # with when it had been crossed


def judge(readings: Iterable[Reading], crossed: Mapping[str, datetime]) -> Changes:
    """`crossed`: since when each was, by its key, as it is remembered."""
    now = list(readings)
    return Changes(
        crossed=tuple(one for one in now if one.key not in crossed and one.beyond),
        back=tuple((one, crossed[one.key]) for one in now if one.key in crossed and one.back),
    )


def silent_for(alerts: Mapping[date, int]) -> float | None:
    """Sessions at the end without an alert, of these sessions in their order; None where fewer than half of those before had
    any: a strategy that alerts once a month is not silent. Its regular ones are what "there used to be some" means."""
    counts = list(alerts.values())
    silent = next((ago for ago, count in enumerate(reversed(counts)) if count), len(counts))
    before = counts[: len(counts) - silent]
    return float(silent) if before and 2 * sum(count > 0 for count in before) >= len(before) else None
