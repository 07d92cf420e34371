"""Lots, orders and rows of equity for analytics, each of them short to write."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from tradebot.domain.alerts import Side
from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.calendar import Calendar
from tradebot.domain.equity import Equity
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import OrderRole, TradeStatus

MONDAY = date(2026, 6, 1)
NOON = datetime(2026, 6, 1, 16, tzinfo=UTC)  # New York's
CALENDAR = Calendar()
_numbers = count(1)


def sessions(many: int, first: date = MONDAY) -> list[date]:
    """So many of the exchange's days."""
    days = (first + timedelta(days=number) for number in range(2 * many + 10))
    return [day for day in days if CALENDAR.session(day)][:many]


def at_close(day: date) -> datetime:
    session = CALENDAR.session(day)
    assert session is not None
    return session.close


def equity(day: date, value: str, **known: str) -> Equity:
    rest = {name: Decimal(usd) for name, usd in known.items()}
    return replace(Equity("DU1", at_close(day), Decimal(value), None, None, None), **rest)  # type: ignore[arg-type]


def lot(pnl: str | None, **changes: Any) -> Lot:
    """Ten shares at $100, sold an hour later by an order of its own; commissions $2."""
    number = next(_numbers)
    made = None if pnl is None else Decimal(pnl)
    closed = Lot(
        ticker="AAPL",
        con_id=265598,
        qty=Decimal(10),
        entry_price=Decimal(100),
        entry_time=NOON,
        status=LotStatus.CLOSED,
        exit_price=None if made is None else Decimal(100) + (made + 2) / 10,
        exit_time=NOON + timedelta(hours=1),
        pnl=made,
        commission=Decimal(2),
        opening_trade_id=number,
        closing_trade_id=number + 1_000_000,
        id=number,
    )
    return replace(closed, **changes)


def open_lot(**changes: Any) -> Lot:
    return replace(lot(None, **changes), status=LotStatus.OPEN, exit_time=None, closing_trade_id=None)


def order(**changes: Any) -> SentOrder:
    """A BUY of ten at the ask of 100.10: decided 0.1 s after its alert at 100, at IB 0.1 s later, filled 0.3 s after that."""
    number = next(_numbers)
    sent = SentOrder(
        id=number,
        strategy="main",
        ticker="AAPL",
        side=Side.BUY,
        role=OrderRole.ENTRY,
        n=1,
        order_type=OrderType.MARKET,
        stop_price=None,
        filled_qty=Decimal(10),
        avg_fill_price=Decimal("100.10"),
        status=TradeStatus.FILLED,
        quote={"bid": "100.06", "ask": "100.10", "last": "100.08", "delayed": False},
        created_at=NOON + timedelta(seconds=0.1),
        submitted_at=NOON + timedelta(seconds=0.2),
        finished_at=NOON + timedelta(seconds=0.5),
        received_at=NOON,
        alert_time=NOON - timedelta(seconds=1),
        alert_price=Decimal(100),
    )
    return replace(sent, **changes)
