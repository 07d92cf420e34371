"""The figures people ask for: positions at IB's prices, P&L of New York dates, market hours, the queue.

Read only, and without words: the chat and the command line say them. What is not known is None, never zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from tradebot.domain import pnl
from tradebot.domain.alerts import WAITING, Alert, AlertStatus, Side
from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.calendar import Calendar, Session
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.positions import compare
from tradebot.ports import Books, QueueContents

WEEK = timedelta(days=7)
AHEAD = timedelta(days=60)
"""How far holidays and early closes are told in advance."""


# --- positions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeldPositions:
    """What the bot holds, at IB's prices, and how that compares with IB's own positions."""

    open: pnl.Unrealised
    owners: Mapping[str, Decimal]  # shares at IB beyond the bot's, by ticker
    missing: Mapping[str, Decimal]  # shares the books hold and IB does not show, by ticker
    known: bool  # False: IB's positions are not known now


def held(lots: Sequence[Lot], broker_positions: Mapping[int, BrokerPosition] | None) -> HeldPositions:
    rows = compare(lots, broker_positions) if broker_positions is not None else []
    return HeldPositions(
        open=pnl.unrealised(lots, {con_id: one.market_price for con_id, one in (broker_positions or {}).items()}),
        owners={row.ticker: row.owners for row in rows if row.owners},
        missing={row.ticker: row.missing for row in rows if row.missing},
        known=broker_positions is not None,
    )


# --- P&L ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """What some New York dates brought, and how it came about: `curve` is net P&L added up lot by lot."""

    first: date
    last: date
    summary: pnl.Summary
    curve: Sequence[tuple[datetime, Decimal]]


async def result(books: Books, hours: Hours, now: datetime, days: int) -> Result:
    """The last `days` New York dates, today included. Raises LedgerUnavailable."""
    last = hours.calendar.trading_date(now)
    first = last - timedelta(days=days - 1)
    since = hours.calendar.day_start(first)
    closed = await books.lots(LotStatus.CLOSED, closed_since=since)
    # A written-off SELL has no price: it is no trade of that day, its lots are counted apart.
    trades = [trade for trade in await books.trades(since=since) if trade.avg_fill_price is not None]
    return Result(first, last, pnl.summarise(first, last, closed, trades), list(_curve(closed)))


def _curve(lots: Iterable[Lot]) -> Iterable[tuple[datetime, Decimal]]:
    total = Decimal(0)
    known = [(lot.exit_time, lot.pnl) for lot in lots if lot.exit_time is not None and lot.pnl is not None]
    for at, gain in sorted(known):
        total += gain
        yield at, total


# --- the market -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Special:
    """A weekday that is not an ordinary session."""

    day: date
    name: str
    closes: datetime | None  # None: closed all day


@dataclass(frozen=True, slots=True)
class Market:
    now: datetime
    always: bool  # the bot trades regardless of the hours below
    session: Session | None  # today's, whether over or not
    is_open: bool
    closed_because: str | None  # why today has no session
    next_open: datetime
    next_close: datetime
    specials: Sequence[Special]


def market(hours: Hours, now: datetime) -> Market:
    calendar = hours.calendar
    today = calendar.trading_date(now)
    return Market(
        now=now,
        always=hours.always,
        session=calendar.session(today),
        is_open=calendar.is_open(now),
        closed_because=calendar.closed_because(today),
        next_open=calendar.next_open(now),
        next_close=calendar.next_close(now),
        specials=list(_specials(calendar, today)),
    )


def _specials(calendar: Calendar, today: date) -> Iterable[Special]:
    for ahead in range(AHEAD.days + 1):
        day = today + timedelta(days=ahead)
        session = calendar.session(day)
        if session is not None and session.early:
            yield Special(day, session.name or "early close", session.close)
        elif session is None and day.weekday() < 5:
            yield Special(day, calendar.closed_because(day) or "closed", None)


# --- the queue ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """Alerts that wait, in the order in which they will be looked at, and the queue's own depths."""

    sells: Sequence[Alert]
    buys: Sequence[Alert]
    pending: Sequence[Alert]
    depths: QueueContents | None  # None: the queue does not answer


async def waiting(books: Books, depths: QueueContents | None) -> Waiting:
    """Raises LedgerUnavailable."""
    alerts = await books.alerts(WAITING)
    received = [alert for alert in alerts if alert.status is AlertStatus.RECEIVED]
    return Waiting(
        sells=[alert for alert in received if alert.action is Side.SELL],
        buys=[alert for alert in received if alert.action is Side.BUY],
        pending=[alert for alert in alerts if alert.status is AlertStatus.PENDING],
        depths=depths,
    )
