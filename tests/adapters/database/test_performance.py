"""What performance is measured by comes out of both databases page by page, exactly as it was stored."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.adapters.database.samples import NOON, a_lot, a_trade, an_alert
from tests.fakes import FixedClock
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.calendar import Calendar
from tradebot.domain.calendar_units import Unit
from tradebot.domain.daily_bars import DailyBar
from tradebot.domain.equity import Equity
from tradebot.domain.hours import Hours
from tradebot.domain.lots import LotStatus
from tradebot.domain.period import Period
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.domain.trades import TradeStatus
from tradebot.errors import LedgerUnavailable, NotCounted
from tradebot.ports import Books, Ledger
from tradebot.queries import counting, known
from tradebot.queries.performance import PerformanceQueries

MINUTE = timedelta(minutes=1)
TODAY = date(2026, 7, 1)


def clock() -> FixedClock:
    return FixedClock(lambda: NOON + timedelta(hours=8))


async def closed(books: Books, many: int) -> None:
    """So many lots, two of which close at each minute, and their orders."""
    for number in range(many):
        decided = NOON + (number // 2) * MINUTE
        opening, closing = await a_trade(books, created_at=decided), await a_trade(books, created_at=decided)
        for one in (opening, closing):
            order = await books.trade(one)
            assert order is not None
            await books.save_trade(
                replace(order, status=TradeStatus.FILLED, filled_qty=Decimal(10), submitted_at=decided)
            )
        lot = a_lot(opening, closing, exit_time=decided)
        await books.rewrite_lots("main", "AAPL", [lot], closed_by=[closing], and_open=False)


async def test_pages_leave_nothing_out(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lot or an order at the edge of a page would be counted twice, or never."""
    monkeypatch.setattr(known, "PAGE", 3)
    async with ledger.begin() as books:
        await closed(books, 7)
        all_lots = await books.lots(LotStatus.CLOSED)
    lots = [lot async for page in known.closed_since(ledger, NOON) for lot in page]
    assert [lot.id for lot in lots] == [lot.id for lot in all_lots]
    assert lots[0] == all_lots[0]
    orders = [order async for page in known.orders_since(ledger, NOON) for order in page]
    assert [order.id for order in orders] == sorted(order.id for order in orders)
    assert (len(orders), len({order.id for order in orders})) == (14, 14)
    assert [len(page) async for page in known.closed_since(ledger, NOON + 3 * MINUTE)] == [1]


async def test_an_order_comes_with_its_alert(ledger: Ledger) -> None:
    """The slippage of an order would be measured by another alert's price, or by none."""
    async with ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert(price=Decimal("187.32000001"), strategy="ema"))
        quote = {"bid": "187.30", "ask": "187.34", "delayed": False}
        await a_trade(books, alert_id=alert_id, strategy="ema", quote=quote)
        (order,) = await books.sent_orders(NOON, 0, 10)
    assert (order.alert_price, order.strategy, order.received_at) == (Decimal("187.32000001"), "ema", NOON)
    assert order.bid_ask == (Decimal("187.30"), Decimal("187.34"))
    assert order.alert_time == NOON - timedelta(seconds=2)


async def test_bars_are_there_once(ledger: Ledger) -> None:
    """Prices before a dividend and after it would stand side by side, and the dividend be a loss."""
    bars = [DailyBar("SPY", TODAY - timedelta(days=n), *4 * [Decimal(f"600.{n}")]) for n in range(300)]
    async with ledger.begin() as books:
        await books.put_daily_bars(bars)
        await books.put_daily_bars([replace(bars[1], close=Decimal("599.1234"))])
        await books.put_daily_bars([])
        found = await books.daily_bars("SPY", TODAY - timedelta(days=1))
        assert found == [replace(bars[1], close=Decimal("599.1234")), bars[0]]
        assert len(await books.daily_bars("SPY", date(2000, 1, 1))) == 300
        assert await books.daily_bars("AAPL", TODAY) == []


async def test_a_stock_is_in_one_industry(ledger: Ledger) -> None:
    """What IB called it years ago would be shown for ever; or the next contract of a number above two billion be refused."""
    async with ledger.begin() as books:
        assert await books.industries() == {}
        await books.put_industries({265598: "Computers", 3_000_000_000: "Funds"})
        await books.put_industries({265598: "Technology"})
        await books.put_industries({})
        assert await books.industries() == {265598: "Technology", 3_000_000_000: "Funds"}


async def test_alerts_are_counted_by_what_became_of_them(ledger: Ledger) -> None:
    """A strategy that went silent, or whose alerts are refused, would not be noticed; a test would count as an alert."""
    async with ledger.begin() as books:
        for status in (AlertStatus.REJECTED, AlertStatus.RECEIVED, AlertStatus.RECEIVED):
            await books.insert_alert(an_alert(status=status))
        await books.insert_alert(an_alert(test=True))
        await books.insert_alert(an_alert(received_at=NOON + MINUTE))
        counted = await books.alert_outcomes("main", NOON, NOON + MINUTE)
        assert counted == {AlertStatus.REJECTED: 1, AlertStatus.RECEIVED: 2}


async def test_a_period_is_counted_from_the_books(ledger: Ledger) -> None:
    """The figures that people are shown would not be those of their books, or of another period."""
    async with ledger.begin() as books:
        await closed(books, 4)
        await books.put_setting(ACCOUNT_KEY, "DU1", "bot", NOON)
        for days, usd in ((1, 1000), (0, 1010)):
            await books.add_equity(Equity("DU1", NOON - timedelta(days=days), Decimal(usd), None, None, None))
    queries = PerformanceQueries(ledger, Hours(Calendar()), clock())
    today = await queries.of(Period(TODAY, TODAY))
    assert (today.trading.lots.closed, today.trading.lots.net) == (4, Decimal("99.14000040"))
    assert today.account is not None
    assert today.account.time_weighted == pytest.approx(0.01)
    assert list(today.by_strategy) == ["main"]
    assert today.latency.orders == 0  # the market was closed at eight in the morning
    assert await queries.of(Period(TODAY, TODAY)) is today
    assert await queries.first_day() == date(2026, 6, 30)
    whole = await queries.since_start()
    assert (whole.first, whole.last, whole.sessions) == (date(2026, 6, 30), TODAY, 2)
    before = await queries.of(Period.of(Unit.MONTH, date(2026, 5, 5)))
    assert (before.account, before.trading.lots.closed, before.trading.curve) == (None, 0, [])


async def test_a_counting_that_fails_says_why() -> None:
    """Whoever asked would wait for ever, or be shown figures of half a history."""

    async def parts() -> AsyncIterator[known.Part]:
        yield "no such field", [1]

    with pytest.raises(NotCounted, match="KeyError: 'no such field'"):
        await counting.counted("performance", parts(), Hours(Calendar()), NOON, Period(TODAY, TODAY))


async def test_books_that_are_lost_while_they_are_read_end_the_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process would be left behind, waiting for the rest of what it counts."""
    begun: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def started(*command: Any, **how: Any) -> asyncio.subprocess.Process:
        begun.append(await start(*command, **how))
        return begun[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)

    async def parts() -> AsyncIterator[known.Part]:
        yield "lots", []
        raise LedgerUnavailable

    with pytest.raises(LedgerUnavailable):
        await counting.counted("performance", parts(), Hours(Calendar()), NOON, Period(TODAY, TODAY))
    assert [process.returncode for process in begun] == [-signal.SIGKILL]


async def test_who_stops_waiting_leaves_it_to_be_counted_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reload of a page that took too long would begin the counting anew, beside the one before."""
    began, go_on, counted = asyncio.Event(), asyncio.Event(), 0
    read = known.read_known

    async def slowly(*asked: Any) -> AsyncIterator[known.Part]:
        nonlocal counted
        counted += 1
        began.set()
        await go_on.wait()
        async for part in read(*asked):
            yield part

    monkeypatch.setattr(known, "read_known", slowly)
    queries = PerformanceQueries(ledger, Hours(Calendar()), clock())
    asked = asyncio.create_task(queries.of(Period(TODAY, TODAY)))
    await began.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    again = asyncio.create_task(queries.of(Period(TODAY, TODAY)))
    go_on.set()
    assert (await again).trading.lots.closed == 0
    assert counted == 1


async def test_empty_books_have_figures_too(ledger: Ledger) -> None:
    """Whoever asks on the first day would get an error."""
    queries = PerformanceQueries(ledger, Hours(Calendar()), clock())
    found = await queries.since_start()
    assert (found.account, found.by_strategy, found.months) == (None, {}, [])
    assert found.trading.lots.win_rate is None
    assert await queries.last_days(30) is not found
