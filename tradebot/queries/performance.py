"""How a period went: what analytics needs, read from the books, and its figures.

Rules: nothing holds the books. What has ended is read page by page, each in a transaction of its own, with a turn for the
loop after each; what is counted from it is counted in a thread, so that no order waits for it however long the history is.
Between two pages something may be booked: it counts or it does not. An answer is kept for a minute, for those who ask for
the same again.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from tradebot.domain.analytics.benchmark import SPY
from tradebot.domain.analytics.performance import Known, Performance, performance, spans_of
from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.analytics.spans import Span, Unit
from tradebot.domain.calendar import DAY
from tradebot.domain.equity import Equity
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.ports import Clock, Ledger

PAGE = 200
EQUITY_PAGE = timedelta(days=30)
"""Of a row every quarter of an hour in sessions: about as many."""
KEPT_S = 60.0
KEPT_MAX = 8
BEFORE = timedelta(days=10)
"""So much earlier the account's worth is read, for what the period began with: no holidays are longer."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Period:
    """New York dates, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, unit: Unit, day: date) -> "Period":
        """The day, week or month that this day is in."""
        return cls(unit.begin(day), unit.end(day))

    @classmethod
    def back(cls, unit: Unit, count: int, today: date) -> "Period":
        """The last so many, the one of today included."""
        return cls(unit.back(today, count - 1), today)

    @classmethod
    def named(cls, name: str, today: date) -> "Period":
        """A month ("2026-11") or a year ("2026") that has begun. Raises ValueError."""
        year, _, month = name.partition("-")
        if not (re.fullmatch(r"20[0-9]{2}(-(0[1-9]|1[0-2]))?", name, re.ASCII)):
            raise ValueError(f"“{name[:20]}” is no month and no year.")
        first = date(int(year), int(month or 1), 1)
        last = Unit.MONTH.end(first) if month else date(int(year), 12, 31)
        if first > today:
            raise ValueError(f"{name} has not begun.")
        return cls(first, last)


@dataclass(slots=True)
class PerformanceQueries:
    """Reads and counts, one at a time."""

    ledger: Ledger
    hours: Hours
    clock: Clock
    _kept: "OrderedDict[Period, tuple[float, Performance]]" = field(default_factory=OrderedDict)
    _counting: dict[Period, "asyncio.Task[Performance]"] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def since_start(self) -> Performance:
        """From the first day of which anything is stored. Raises LedgerUnavailable."""
        today = self.hours.calendar.trading_date(self.clock.now())
        return await self.of(Period(await self.first_day() or today, today))

    async def last_days(self, days: int) -> Performance:
        """The last so many New York dates, today included. Raises LedgerUnavailable."""
        return await self.of(Period.back(Unit.DAY, days, self.hours.calendar.trading_date(self.clock.now())))

    async def of(self, period: Period) -> Performance:
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

    async def _of(self, period: Period) -> Performance:
        async with self._one_at_a_time:
            kept = self._kept.get(period)
            if kept is not None and self.clock.monotonic() - kept[0] < KEPT_S:
                return kept[1]
            known = await read_known(self.ledger, self.hours, self.clock.now(), period)
            counted = await asyncio.to_thread(performance, known, self.hours.calendar, self.hours.is_open)
            self._kept[period] = (self.clock.monotonic(), counted)
            self._kept.move_to_end(period)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
            return counted

    async def spans(self, unit: Unit, count: int) -> Sequence[Span]:
        """The last so many, today's included, those in which nothing happened too. Raises LedgerUnavailable."""
        now = self.clock.now()
        period = Period.back(unit, count, self.hours.calendar.trading_date(now))
        known = await read_known(self.ledger, self.hours, now, period)
        return await asyncio.to_thread(spans_of, known, self.hours.calendar, unit)

    async def period_of(self, words: str) -> Period:
        """ "2026-11", "2026", "all"; nothing for this month. Raises ValueError, LedgerUnavailable."""
        today = self.hours.calendar.trading_date(self.clock.now())
        typed = words.strip().lower()
        if typed == "all":
            return Period(await self.first_day() or today, today)
        return Period.named(typed, today) if typed else Period.of(Unit.MONTH, today)

    async def first_day(self) -> date | None:
        """The New York date of the first order, or of the first that is known of the account; None: of neither.

        Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            account = (await books.settings()).get(ACCOUNT_KEY)
            orders = await books.sent_orders(_EVER, 0, 1)
            equity = await books.first_equity(account) if account else None
        known = [*(order.created_at for order in orders), *([equity] if equity else [])]
        return min(map(self.hours.calendar.trading_date, known), default=None)


async def read_known(ledger: Ledger, hours: Hours, now: datetime, period: Period) -> Known:
    """All that the figures of a period are made of. Raises LedgerUnavailable."""
    begin, end = hours.calendar.day_start(period.first), hours.calendar.day_start(period.last + DAY)
    async with ledger.read() as books:
        account = (await books.settings()).get(ACCOUNT_KEY)
        held = await books.lots(LotStatus.OPEN)
    lots = await closed_since(ledger, begin)
    tickers = {SPY, *(lot.ticker for lot in held)}
    async with ledger.read() as books:
        bars = {one: await books.daily_bars(one, period.first - BEFORE) for one in sorted(tickers)}
    return Known(
        first=period.first,
        last=period.last,
        now=now,
        equity=await equity_between(ledger, account, begin - BEFORE, min(end, now)) if account else [],
        lots=[lot for lot in (*lots, *held) if lot.entry_time < end],
        orders=[one for one in await orders_since(ledger, begin) if one.created_at < end],
        bars=bars,
    )


async def closed_since(ledger: Ledger, at: datetime) -> Sequence[Lot]:
    """Lots that closed at this moment or later. Raises LedgerUnavailable."""

    async def page(since: datetime, after_id: int) -> Sequence[Lot]:
        async with ledger.read() as books:
            return await books.closed_lots(since, after_id, PAGE)

    return await _pages(page, at, lambda lot: (lot.exit_time or at, lot.id))


async def orders_since(ledger: Ledger, at: datetime) -> Sequence[SentOrder]:
    """Orders that were decided at this moment or later. Raises LedgerUnavailable."""

    async def page(since: datetime, after_id: int) -> Sequence[SentOrder]:
        async with ledger.read() as books:
            return await books.sent_orders(since, after_id, PAGE)

    return await _pages(page, at, lambda order: (order.created_at, order.id))


async def equity_between(ledger: Ledger, account: str, at: datetime, until: datetime) -> Sequence[Equity]:
    """Raises LedgerUnavailable."""
    found: list[Equity] = []
    while at < until:
        async with ledger.read() as books:
            found += await books.equity(account, at, min(at + EQUITY_PAGE, until))
        at += EQUITY_PAGE
    return found


async def _pages(
    page: Callable[[datetime, int], Awaitable[Sequence[T]]], at: datetime, place: Callable[[T], tuple[datetime, int]]
) -> Sequence[T]:
    found: list[T] = []
    after_id = 0
    while True:
        more = await page(at, after_id)
        found += more
        if len(more) < PAGE:
            return found
        at, after_id = place(more[-1])
        await asyncio.sleep(0)
