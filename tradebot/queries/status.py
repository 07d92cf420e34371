"""The books at one moment, and with them the running daemon: what `tradebot status` and /status show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradebot.domain.alerts import WAITING, AlertStatus, Side
from tradebot.domain.brokerage import Account
from tradebot.domain.hours import Hours
from tradebot.domain.limits import Limits
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.settings import TradingState, limits_in, state_in
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus
from tradebot.ports import Books, Connection, QueueContents


@dataclass(frozen=True, slots=True)
class BooksStatus:
    """The books at one moment. USD are Decimal."""

    state: TradingState
    limits: Limits
    received_sells: int
    received_buys: int
    pending: int
    in_flight: Sequence[Trade]
    unknown: Sequence[Trade]
    lots: Sequence[Lot]
    invested: Decimal
    buys_today: int
    realised_today: Decimal


async def books_status(books: Books, defaults: Limits, hours: Hours, now: datetime) -> BooksStatus:
    """What the database knows. Raises LedgerUnavailable."""
    settings = await books.settings()
    waiting = await books.alerts(WAITING)
    received = [alert.action for alert in waiting if alert.status is AlertStatus.RECEIVED]
    unresolved = await books.trades(UNRESOLVED)
    lots = await books.lots(LotStatus.OPEN)
    day_start = hours.day_start(now)
    bought = [t for t in await books.trades(since=day_start) if t.side is Side.BUY]
    closed = await books.lots(LotStatus.CLOSED, closed_since=day_start)
    return BooksStatus(
        state=state_in(settings),
        limits=limits_in(settings, defaults),
        received_sells=received.count(Side.SELL),
        received_buys=received.count(Side.BUY),
        pending=len(waiting) - len(received),
        in_flight=[trade for trade in unresolved if trade.status is not TradeStatus.UNKNOWN],
        unknown=[trade for trade in unresolved if trade.status is TradeStatus.UNKNOWN],
        lots=lots,
        invested=sum((lot.cost for lot in lots), Decimal(0)),
        buys_today=sum(t.filled_qty > 0 or t.status in UNRESOLVED for t in bought),
        realised_today=sum((lot.pnl for lot in closed if lot.pnl is not None), Decimal(0)),
    )


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The running daemon at one moment: its books and its parts."""

    books: BooksStatus
    state: TradingState  # in force, which a kill that is not stored yet counts for
    connection: Connection
    account: Account | None
    depths: QueueContents | None  # None: the queue does not answer
    held_up_by: Sequence[str]  # why no order leaves; empty when orders leave
    uptime_s: float
    version: str
    simulated: Sequence[str]
