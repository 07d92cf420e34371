"""What a period's figures are made of, read from the books.

Rules: nothing holds the books, and nothing holds the loop. What has ended is read page by page, each in a transaction of its own,
with a turn for the loop after each. Between two pages something may be booked: it counts or it does not.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.calendar import DAY
from tradebot.domain.daily_bars import SPY
from tradebot.domain.equity import Equity
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.period import Period
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.ports import Ledger

PAGE = 100
EQUITY_PAGE = timedelta(days=7)
"""Of a row every quarter of an hour in sessions: about as many."""
BEFORE = timedelta(days=10)
"""So much earlier the account's worth is read, for what the period began with: no holidays are longer."""
T = TypeVar("T")
Part = tuple[str, Sequence[object]]
"""A field of `Known`, and some of its rows."""


async def read_known(ledger: Ledger, hours: Hours, now: datetime, period: Period) -> AsyncIterator[Part]:
    """All of it, piece by piece: rows of the same field follow each other in their order. Raises LedgerUnavailable."""
    begin, end = hours.calendar.day_start(period.first), hours.calendar.day_start(period.last + DAY)
    async with ledger.read() as books:
        account = (await books.settings()).get(ACCOUNT_KEY)
        held = await books.lots(LotStatus.OPEN)
    async for lots in closed_since(ledger, begin):
        yield "lots", [lot for lot in lots if lot.entry_time < end]
    yield "lots", [lot for lot in held if lot.entry_time < end]
    for ticker in sorted({SPY, *(lot.ticker for lot in held)}):
        async with ledger.read() as books:
            bars = await books.daily_bars(ticker, period.first - BEFORE)
        yield "bars", bars
    if account:
        async for rows in equity_between(ledger, account, begin - BEFORE, min(end, now)):
            yield "equity", rows
    async for orders in orders_since(ledger, begin):
        yield "orders", [order for order in orders if order.created_at < end]
        if orders[-1].created_at >= end:
            return


def closed_since(ledger: Ledger, at: datetime) -> AsyncIterator[Sequence[Lot]]:
    """Lots that closed at this moment or later. Raises LedgerUnavailable."""

    async def page(since: datetime, after_id: int) -> Sequence[Lot]:
        async with ledger.read() as books:
            return await books.closed_lots(since, after_id, PAGE)

    return _pages(page, at, lambda lot: (lot.exit_time or at, lot.id))


def orders_since(ledger: Ledger, at: datetime) -> AsyncIterator[Sequence[SentOrder]]:
    """Orders that were decided at this moment or later. Raises LedgerUnavailable."""

    async def page(since: datetime, after_id: int) -> Sequence[SentOrder]:
        async with ledger.read() as books:
            return await books.sent_orders(since, after_id, PAGE)

    return _pages(page, at, lambda order: (order.created_at, order.id))


async def equity_between(
    ledger: Ledger, account: str, at: datetime, until: datetime
) -> AsyncIterator[Sequence[Equity]]:
    """Raises LedgerUnavailable."""
    while at < until:
        async with ledger.read() as books:
            rows = await books.equity(account, at, min(at + EQUITY_PAGE, until))
        yield rows
        at += EQUITY_PAGE


async def _pages(
    page: Callable[[datetime, int], Awaitable[Sequence[T]]], at: datetime, place: Callable[[T], tuple[datetime, int]]
) -> AsyncIterator[Sequence[T]]:
    """None of them is empty."""
    after_id = 0
    while more := await page(at, after_id):
        yield more
        if len(more) < PAGE:
            return
        at, after_id = place(more[-1])
        await asyncio.sleep(0)
