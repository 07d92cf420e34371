"""The figures that have a limit of the owner's, as they stand; and which of them are crossed, since when.

Rules: only what is watched is read. In a session only what is cheap: the drawdown and the streaks of losses; the rest after
its close. What takes a history is counted apart from the daemon, and only where the owner has a limit for it.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tradebot.domain.alerts import AlertStatus
from tradebot.domain.analytics.thresholds import SESSIONS, Reading, Threshold, Thresholds, silent_for
from tradebot.domain.calendar import DAY
from tradebot.domain.hours import Hours
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.domain.strategies import Strategies
from tradebot.ports import Ledger
from tradebot.queries.counting import counted
from tradebot.queries.known import Part, closed_since, equity_between, orders_since

if TYPE_CHECKING:  # memory: what counts is loaded where it is counted
    from tradebot.domain.analytics.watched import Watched

YEAR = timedelta(days=365)
ALERTS_MIN = 10
"""With fewer alerts, a share of them is chance."""
_PREFIX = "threshold."
_REFUSED = (AlertStatus.REJECTED, AlertStatus.FAILED)


def key_of(name: str) -> str:
    """Where it is stored since when a figure is beyond its limit."""
    return f"{_PREFIX}{name}"


def crossed_in(settings: Mapping[str, str]) -> Mapping[str, datetime]:
    """What is crossed, by the key of its reading."""
    return {
        key.removeprefix(_PREFIX): datetime.fromisoformat(since)
        for key, since in settings.items()
        if key.startswith(_PREFIX)
    }


class ThresholdReader:
    """Reads what is watched."""

    def __init__(self, ledger: Ledger, hours: Hours, strategies: Strategies, limits: Thresholds) -> None:
        self._ledger = ledger
        self._hours = hours
        self._strategies = strategies
        self.limits = limits

    async def readings(self, now: datetime, *, everything: bool = True) -> Sequence[Reading]:
        """Raises LedgerUnavailable, NotCounted."""
        days = self._sessions(now)
        found = [*await self._counted(now, days, everything=everything)]
        if everything:
            found += [*await self._refused(days, now), *await self._silent(days)]
        return found

    async def crossed(self) -> Mapping[str, datetime]:
        """Since when what is crossed has been. Raises LedgerUnavailable."""
        async with self._ledger.read() as books:
            return crossed_in(await books.settings())

    def _sessions(self, now: datetime) -> Sequence[date]:
        """The last ones that have begun, in their order."""
        found: list[date] = []
        day = self._hours.calendar.trading_date(now)
        while len(found) < SESSIONS:
            session = self._hours.calendar.session(day)
            if session is not None and session.open <= now:
                found.append(day)
            day -= DAY
        return found[::-1]

    def _reading(self, threshold: Threshold, value: float | None, strategy: str | None = None) -> Reading:
        limit = self.limits.of(threshold)
        assert limit is not None, "only what is watched is read"
        return Reading(threshold, strategy, value, float(limit))

    async def _counted(self, now: datetime, days: Sequence[date], *, everything: bool) -> Sequence[Reading]:
        """What takes a history."""
        limits = self.limits
        of_orders = everything and (limits.in_time_pct is not None or limits.slippage_bps is not None)
        if limits.drawdown_pct is None and limits.loss_streak is None and not of_orders:
            return []
        parts = self._parts(now, self._hours.calendar.day_start(days[0]), of_orders=of_orders)
        names = self._strategies.names
        found: Watched = await counted("watched", parts, self._hours, names)
        readings = []
        if limits.drawdown_pct is not None:
            readings.append(self._reading(Threshold.DRAWDOWN, found.drawdown_pct))
        if limits.loss_streak is not None:
            losses = found.losses
            readings += [self._reading(Threshold.LOSS_STREAK, float(losses[name]), self._of(name)) for name in names]
        if everything and limits.in_time_pct is not None:
            readings.append(self._reading(Threshold.IN_TIME, found.in_time_pct))
        if everything and limits.slippage_bps is not None:
            readings.append(self._reading(Threshold.SLIPPAGE, found.slippage_bps))
        return readings

    async def _parts(self, now: datetime, since: datetime, *, of_orders: bool) -> AsyncIterator[Part]:
        if self.limits.drawdown_pct is not None:
            async with self._ledger.read() as books:
                account = (await books.settings()).get(ACCOUNT_KEY)
            if account:
                async for rows in equity_between(self._ledger, account, now - YEAR, now + DAY):
                    yield "equity", rows
        if self.limits.loss_streak is not None:
            async for lots in closed_since(self._ledger, since):
                yield "lots", lots
        if of_orders:
            async for orders in orders_since(self._ledger, since):
                yield "orders", orders

    async def _refused(self, days: Sequence[date], now: datetime) -> Sequence[Reading]:
        if self.limits.rejected_pct is None:
            return []
        since, refused, received = self._hours.calendar.day_start(days[0]), 0, 0
        for name in self._strategies.names:
            async with self._ledger.read() as books:
                counted = await books.alert_outcomes(name, since, now + DAY)
            received += sum(counted.values())
            refused += sum(counted.get(status, 0) for status in _REFUSED)
        share = 100 * refused / received if received >= ALERTS_MIN else None
        return [self._reading(Threshold.REJECTED, share)]

    async def _silent(self, days: Sequence[date]) -> Sequence[Reading]:
        if self.limits.silent_sessions is None:
            return []
        return [
            self._reading(Threshold.SILENT, silent_for(await self._alerts(name, days)), self._of(name))
            for name in self._strategies.names
        ]

    async def _alerts(self, strategy: str, days: Sequence[date]) -> Mapping[date, int]:
        """How many came in each session, and in the nights before it."""
        starts: Callable[[date], datetime] = self._hours.calendar.day_start
        found = {}
        for day, following in zip(days, [*days[1:], days[-1] + DAY], strict=True):
            async with self._ledger.read() as books:
                found[day] = sum((await books.alert_outcomes(strategy, starts(day), starts(following))).values())
        return found

    def _of(self, strategy: str) -> str | None:
        """Whose it is said to be: nobody's, where there is one strategy."""
        return strategy if self._strategies.only is None else None
