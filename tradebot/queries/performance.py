"""How a period went: its figures, counted apart from the daemon, one period at a time. An answer is kept for a minute, for those
who ask for the same again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from tradebot.domain.calendar_units import Unit
from tradebot.domain.hours import Hours
from tradebot.domain.period import Period
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.ports import Clock, Ledger
from tradebot.queries import known
from tradebot.queries.counting import counted

if TYPE_CHECKING:  # memory: what counts is loaded where it is counted
    from tradebot.domain.analytics.performance import Performance
    from tradebot.domain.analytics.spans import Span

KEPT_S = 60.0
KEPT_MAX = 8
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class PerformanceQueries:
    """Reads and counts, one at a time."""

    ledger: Ledger
    hours: Hours
    clock: Clock
    _kept: "OrderedDict[Period, tuple[float, Performance]]" = field(default_factory=OrderedDict)
    _counting: dict[Period, "asyncio.Task[Performance]"] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def since_start(self) -> "Performance":
        """From the first day of which anything is stored. Raises LedgerUnavailable."""
        today = self.hours.calendar.trading_date(self.clock.now())
        return await self.of(Period(await self.first_day() or today, today))

    async def last_days(self, days: int) -> "Performance":
        """The last so many New York dates, today included. Raises LedgerUnavailable."""
        return await self.of(Period.back(Unit.DAY, days, self.hours.calendar.trading_date(self.clock.now())))

    async def of(self, period: Period) -> "Performance":
        """Who stops waiting leaves it to be counted to its end, once, for whoever asks again. Raises LedgerUnavailable."""
        counting = self._counting.get(period)
        if counting is None:
            counting = asyncio.create_task(self._of(period), name="performance")
            self._counting[period] = counting
            counting.add_done_callback(lambda done: self._counted(period, done))
        return await asyncio.shield(counting)

    def _counted(self, period: Period, done: "asyncio.Task[Performance]") -> None:
        del self._counting[period]
        if not done.cancelled():
            done.exception()  # whoever still waits has it; to nobody it is no defect

    async def _of(self, period: Period) -> "Performance":
        async with self._one_at_a_time:
            kept = self._kept.get(period)
            if kept is not None and self.clock.monotonic() - kept[0] < KEPT_S:
                return kept[1]
            now = self.clock.now()
            parts = known.read_known(self.ledger, self.hours, now, period)
            found: Performance = await counted("performance", parts, self.hours, now, period)
            self._kept[period] = (self.clock.monotonic(), found)
            self._kept.move_to_end(period)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
            return found

    async def spans(self, unit: Unit, count: int) -> "Sequence[Span]":
        """The last so many, today's included, those in which nothing happened too. Raises LedgerUnavailable."""
        now = self.clock.now()
        period = Period.back(unit, count, self.hours.calendar.trading_date(now))
        parts = known.read_known(self.ledger, self.hours, now, period)
        found: Sequence[Span] = await counted("spans", parts, self.hours, now, period, unit)
        return found

    async def period_of(self, words: str) -> Period:
        """ "2026-11", "2026", "all"; nothing for this month. Raises ValueError, also where nothing is known of it, and
        LedgerUnavailable."""
        today = self.hours.calendar.trading_date(self.clock.now())
        typed = words.strip().lower()
        if not typed:
            return Period.of(Unit.MONTH, today)
        first = await self.first_day() or today
        if typed == "all":
            return Period(first, today)
        found = Period.named(typed, today)
        if found.last < first:
            raise ValueError(f"Nothing is known of {typed}. The bot's first day was {first.day} {first:%B %Y}.")
        return found

    async def first_day(self) -> date | None:
        """The New York date of the first order, or of the first that is known of the account; None: of neither.

        Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            account = (await books.settings()).get(ACCOUNT_KEY)
            orders = await books.sent_orders(_EVER, 0, 1)
            equity = await books.first_equity(account) if account else None
        known = [*(order.created_at for order in orders), *([equity] if equity else [])]
        return min(map(self.hours.calendar.trading_date, known), default=None)
