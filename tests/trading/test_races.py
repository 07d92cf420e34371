"""Bookings beside each other and beside a decision: on PostgreSQL, where transactions run side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.adapters.database.samples import a_trade, an_alert, an_execution
from tests.fakes import FixedClock
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import Account, Contract, OrderReport, OrderState, Quote
from tradebot.domain.calendar import Calendar
from tradebot.domain.events import EventKind
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import TradeStatus
from tradebot.ports import Books
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.pulse import Pulse
from tradebot.trading.booking import Booking, Listeners
from tradebot.trading.broker_update import BrokerUpdate
from tradebot.trading.decision import decide
from tradebot.trading.judging import NewOrder, Policy, PreTradeData
from tradebot.trading.snapshot import BrokerView, take_snapshot

SEEN = OrderReport("", 7, 1850973501, 1, 265598, "AAPL", Side.BUY, Decimal(10), None, OrderState.WORKING, "Submitted")


async def test_two_foldings_of_one_order_lose_nothing(postgres_url: str) -> None:
    """An older view of the order would overwrite the fills that were booked meanwhile, and tell the fill twice."""
    await migrate.up(postgres_url)
    async with open_ledger(postgres_url) as ledger:
        booking = Booking(ledger, asyncio.Queue(), SystemClock(), Pulse(SystemClock()), Listeners())
        refs = []
        async with ledger.begin() as books:
            for number in range(20):
                trade = await books.trade(await a_trade(books, order_ref=f"tb-{number}-0badcafe"))
                assert trade is not None
                refs.append(trade.order_ref)
                await books.move_alert(trade.alert_id, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None)

        def update(ref: str) -> list[BrokerUpdate]:
            fills = [an_execution(f"{ref}.{n}.01", order_ref=ref, shares=Decimal(5)) for n in (1, 2)]
            seen = replace(SEEN, order_ref=ref)
            return [
                BrokerUpdate(seen=seen),
                *(BrokerUpdate(executions=[fill]) for fill in fills),
                BrokerUpdate(seen=seen),
                BrokerUpdate(fills, seen),
            ]

        await asyncio.gather(*(booking.book(ref, one) for ref in refs for one in update(ref)))
        async with ledger.read() as books:
            trades = await books.trades()
            lots = await books.lots()
            told = [event for event in await books.events() if event.kind is EventKind.BUY_FILLED]
    assert [(trade.status, trade.filled_qty) for trade in trades] == [(TradeStatus.FILLED, 10)] * 20
    assert [lot.qty for lot in lots] == [10] * 20
    assert len(told) == 20


def _account(told_at: datetime) -> Account:
    much = Decimal(100_000)
    return Account("DU1", much, much, much, much, False, told_at)


class _Interrupted:
    """Books in which something else is committed right after the first reading."""

    def __init__(self, books: Books, happening: Callable[[], Awaitable[object]]) -> None:
        self._books, self._happening = books, happening
        self._happened = False

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        read = getattr(self._books, name)

        async def then_happen(*values: object, **named: object) -> object:
            found = await read(*values, **named)
            if not self._happened:
                self._happened = True
                await self._happening()
            return found

        return then_happen


async def test_a_fill_booked_while_a_buy_is_judged_counts(postgres_url: str) -> None:
    """An order that fills between two readings would be neither in flight nor held, and a limit be overrun."""
    await migrate.up(postgres_url)
    now = datetime.now(UTC)
    account = _account(now - timedelta(minutes=1))
    async with open_ledger(postgres_url) as ledger:
        booking = Booking(ledger, asyncio.Queue(), FixedClock(lambda: now), Pulse(SystemClock()), Listeners())
        async with ledger.begin() as books:
            trade = await books.trade(await a_trade(books, created_at=now, reserved=Decimal("1893.23")))
            assert trade is not None
        fill = an_execution(order_ref=trade.order_ref, shares=Decimal(10), commission=Decimal(1))
        async with ledger.begin() as books:
            seen = _Interrupted(books, lambda: booking.book(trade.order_ref, BrokerUpdate([fill])))
            view = BrokerView(now, TradingState.RUNNING, account, {})
            snapshot = await take_snapshot(seen, "MSFT", view, now - timedelta(hours=1))  # type: ignore[arg-type]
        async with ledger.read() as books:
            assert [lot.qty for lot in await books.lots()] == [10], "it was booked meanwhile"
    assert (snapshot.open_positions, snapshot.buys_today) == (1, 1)
    assert snapshot.reserved >= Decimal("1873")
    assert snapshot.held + snapshot.in_flight >= Decimal("1873")


@pytest.mark.parametrize(
    ("ask", "is_open"), [(100, True), (None, True), (100, False)], ids=["sent", "blocked", "pending"]
)
async def test_an_alert_cleared_while_it_is_judged(postgres_url: str, ask: int | None, *, is_open: bool) -> None:
    """The owner empties the queue, and what was just being looked at is traded, or told, all the same."""
    await migrate.up(postgres_url)
    now = datetime(2026, 11, 20, 17 if is_open else 12, tzinfo=UTC)
    account = _account(now)
    price = None if ask is None else Decimal(ask)
    pre_trade = PreTradeData(Contract(265598, "AAPL", "NASDAQ"), Quote(price, price, price, now, delayed=False))
    fixed_limits = FixedLimits(price_collar_pct=Decimal(0))
    policy = Policy(fixed_limits, Limits(), Hours(Calendar()), fractional=False)
    async with open_ledger(postgres_url) as ledger:
        async with ledger.begin() as books:
            alert_id = await books.insert_alert(an_alert(received_at=now))
            assert alert_id is not None

        async def clear() -> None:
            async with ledger.begin() as other:
                assert await other.move_alert(alert_id, (AlertStatus.RECEIVED,), AlertStatus.CLEARED, "by owner")

        async with ledger.begin() as books:
            seen = _Interrupted(books, clear)
            view = BrokerView(now, TradingState.RUNNING, account, {})
            decided = await decide(
                seen,  # type: ignore[arg-type]
                alert_id,
                pre_trade,
                policy,
                view,
                new_order=NewOrder(lambda floor: floor, lambda: "0badcafe"),
            )
            assert decided is None
        async with ledger.read() as books:
            alert = await books.alert(alert_id)
            assert alert is not None
            assert (alert.status, alert.reason) == (AlertStatus.CLEARED, "by owner")
            assert await books.trades() == []
            assert await books.events() == []
