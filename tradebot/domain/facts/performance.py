"""How a week or a month went, and figures that crossed the owner's limits."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from tradebot.domain.analytics.thresholds import Threshold
from tradebot.domain.events import EventKind, Facts, Severity
from tradebot.domain.facts.daemon import SessionPoint, TickerPnl

_K, _S = EventKind, Severity


@dataclass(frozen=True, slots=True)
class StrategyPeriod:
    """What a strategy brought."""

    strategy: str
    net: Decimal  # USD, realised
    closed: int
    won: int


@dataclass(frozen=True, slots=True)
class PeriodReport(Facts):
    """A period's figures. USD; shares are fractions; None: not yet."""

    first: date  # New York dates
    last: date
    sessions: int
    net: Decimal  # realised
    closed: int  # lots with a known P&L
    won: int
    commissions: Decimal
    best: TickerPnl | None
    worst: TickerPnl | None
    equity: Decimal | None
    flows: Decimal | None  # paid in, less what was taken out
    earned: float | None  # by the account, time-weighted
    spy: float | None
    drawdown: float | None  # the worst of the period
    slippage_bps: float | None
    in_time: float | None  # of orders at IB within a second
    orders: int  # that `in_time` is of
    series: tuple[SessionPoint, ...] = ()
    by_strategy: tuple[StrategyPeriod, ...] = ()  # empty where there is one strategy


@dataclass(frozen=True, slots=True)
class WeeklyReport(PeriodReport):
    """How a week went."""

    kind: ClassVar = _K.WEEKLY_REPORT
    severity: ClassVar = _S.INFO


@dataclass(frozen=True, slots=True)
class MonthlyReport(PeriodReport):
    """How a month went."""

    kind: ClassVar = _K.MONTHLY_REPORT
    severity: ClassVar = _S.INFO


@dataclass(frozen=True, slots=True)
class ThresholdCrossed(Facts):
    """A figure is beyond the limit that the owner gave it."""

    kind: ClassVar = _K.THRESHOLD_CROSSED
    severity: ClassVar = _S.WARNING
    threshold: Threshold
    strategy: str | None  # None: of the whole account
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class ThresholdBack(Facts):
    """A figure that was beyond its limit is back."""

    kind: ClassVar = _K.THRESHOLD_BACK
    severity: ClassVar = _S.INFO
    threshold: Threshold
    strategy: str | None
    value: float
    limit: float
    since: datetime  # when it was crossed
