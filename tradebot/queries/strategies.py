"""Each strategy as it stands: whether it buys, its own limits and what is used of them, what it has done today. Read only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, TypeVar

from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.exposure import Exposure
from tradebot.domain.settings import own_limits_in, paused_strategies
from tradebot.domain.strategies import Strategies, Strategy
from tradebot.ports import Books, Ledger


class Standing(StrEnum):
    """Whether a strategy takes BUYs, by its own switches and its own daily loss; the account's stand above."""

    ON = "on"
    OUTSIDE_WINDOW = "outside_window"
    DAILY_LOSS = "daily_loss"  # has lost today what it may
    PAUSED = "paused"
    DISABLED = "disabled"  # in the file


@dataclass(frozen=True, slots=True)
class StrategyStatus:
    """A strategy at one moment."""

    strategy: Strategy
    standing: Standing
    paused: bool  # by the owner, which stands behind a strategy that the file disables too
    limits: Mapping[str, Decimal | int]  # its own in force, by name: the account's stand above them
    exposure: Exposure  # of its rows alone: what its own limits are compared with
    lots: int  # open
    last_alert: Alert | None = None  # read where it is asked for


class Owned(Protocol):
    """A row that belongs to a strategy."""

    @property
    def strategy(self) -> str: ...


Row = TypeVar("Row", bound=Owned)


def of(strategy: str | None, rows: Iterable[Row]) -> list[Row]:
    """The strategy's rows; None: all."""
    return [row for row in rows if strategy is None or row.strategy == strategy]


def names(strategies: Strategies, *rows: Iterable[Owned]) -> Sequence[str]:
    """Where there are several: each of them in the file's order, then those that only have a past. Else none."""
    if strategies.only is not None:
        return ()
    past = {row.strategy for each in rows for row in each} - set(strategies.names)
    return (*strategies.names, *sorted(past))


def standing(strategy: Strategy, now: datetime, *, paused: bool, lost: bool) -> Standing:
    if not strategy.enabled:
        return Standing.DISABLED
    if paused:
        return Standing.PAUSED
    if lost:
        return Standing.DAILY_LOSS
    return Standing.ON if strategy.in_window(now.astimezone(NEW_YORK)) else Standing.OUTSIDE_WINDOW


def strategy_status(
    strategy: Strategy, settings: Mapping[str, str], exposure: Exposure, lots: int, now: datetime
) -> StrategyStatus:
    paused = strategy.name in paused_strategies(settings)
    own = own_limits_in(settings, strategy)
    most = own.get("max_daily_loss")
    lost = most is not None and exposure.at_daily_loss(Decimal(most))
    return StrategyStatus(strategy, standing(strategy, now, paused=paused, lost=lost), paused, own, exposure, lots)


async def with_last_alerts(books: Books, found: Sequence[StrategyStatus]) -> Sequence[StrategyStatus]:
    """Raises LedgerUnavailable."""
    newest = [await books.newest_alerts(tuple(AlertStatus), 1, strategy=one.strategy.name) for one in found]
    return [replace(one, last_alert=alerts[0] if alerts else None) for one, alerts in zip(found, newest, strict=True)]


async def has_a_past(ledger: Ledger, name: str) -> bool:
    """Whether any alert was ever this strategy's. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return bool(await books.newest_alerts(tuple(AlertStatus), 1, strategy=name))
