"""Alerts and orders as lists, the newest last."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import Alert, AlertStatus, Side
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot
from tradebot.domain.trades import UNRESOLVED, Trade
from tradebot.ports import Ledger
from tradebot.queries.positions import LastPrice, LastPriceSource, stored_positions
from tradebot.queries.working import AtWork, level, waiting_for_entry

_LOOKS_BACK = (timedelta(days=2), timedelta(days=14), timedelta(days=90))
FILLS_WITHIN = timedelta(days=365)
"""Older ones are `tradebot export trades`'s."""


@dataclass(frozen=True, slots=True)
class ListedAlert:
    """An alert and its orders, the oldest first."""

    alert: Alert
    orders: Sequence[Trade]


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order, and the newest stored price of what waits at IB for another one."""

    order: Trade
    last: LastPrice | None  # None: it does not wait, or none is stored
    waits: bool = False  # a stop or target whose entry has not filled

    @property
    def at_work(self) -> AtWork:
        """Beside that price."""
        return AtWork(self.order, None if self.last is None else self.last.price, self.waits)


async def newest_alerts(
    ledger: Ledger,
    limit: int,
    *,
    statuses: Collection[AlertStatus] = tuple(AlertStatus),
    ticker: str | None = None,
    strategy: str | None = None,
) -> Sequence[ListedAlert]:
    """Raises LedgerUnavailable."""
    async with ledger.read() as books:
        alerts = await books.newest_alerts(statuses, limit, ticker=ticker, strategy=strategy)
        orders = await books.orders_of_alerts([alert.id for alert in alerts])
    return [ListedAlert(alert, [one for one in orders if one.alert_id == alert.id]) for alert in alerts]


async def newest_orders(
    ledger: Ledger, hours: Hours, now: datetime, *, every: bool = False, strategy: str | None = None
) -> Sequence[Trade]:
    """Those at work or UNKNOWN and those of today, New York's date; or every one. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        if every:
            return await books.trades(strategy=strategy)
        unresolved = await books.trades(UNRESOLVED, strategy=strategy)
        lately = await books.trades_since_or_ended(hours.day_start(now))
    today = [one for one in lately if strategy in (None, one.strategy)]
    orders = {trade.id: trade for trade in (*unresolved, *today)}
    return [orders[number] for number in sorted(orders)]


@dataclass(frozen=True, slots=True)
class Fill:
    """An order that has filled something. `pnl` USD, net, of what it sold; None: it bought, or its P&L is not known."""

    order: Trade
    pnl: Decimal | None


async def newest_fills(ledger: Ledger, now: datetime, number: int, strategy: str | None = None) -> Sequence[Fill]:
    """The oldest of them first; as far back as needed, at most `FILLS_WITHIN`. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        for within in (*_LOOKS_BACK, FILLS_WITHIN):
            rows = await books.trades_since_or_ended(now - within)
            filled = [one for one in rows if one.filled_qty > 0 and strategy in (None, one.strategy)]
            if len(filled) >= number:
                break
        filled = sorted(filled, key=lambda one: (one.finished_at or one.created_at, one.id))[-number:]
        lots = await books.lots_closed_by([one.id for one in filled if one.side is Side.SELL])
    return [Fill(one, _gain([lot for lot in lots if lot.closing_trade_id == one.id])) for one in filled]


def _gain(lots: Sequence[Lot]) -> Decimal | None:
    known = [lot.pnl for lot in lots if lot.pnl is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(lots) else None


async def with_last_prices(
    ledger: Ledger, hours: Hours, now: datetime, orders: Sequence[Trade]
) -> Sequence[ListedOrder]:
    """Raises LedgerUnavailable."""
    waiting = [one for one in orders if one.status in UNRESOLVED and level(one.terms) is not None]
    if not waiting:
        return [ListedOrder(one, None) for one in orders]
    held = (await stored_positions(ledger, hours, now)).positions
    known = [(one.held.con_id, one.last) for one in held if one.last is not None]
    known += [(one.con_id, quoted) for one in waiting if (quoted := _quoted(one)) is not None]
    newest, early = dict(sorted(known, key=lambda pair: pair[1].at)), waiting_for_entry(waiting)
    return [ListedOrder(one, newest.get(one.con_id) if one in waiting else None, one.id in early) for one in orders]


def _quoted(order: Trade) -> LastPrice | None:
    """By the quote of its decision."""
    quote = order.quote or {}
    price, at = quote.get("last") or quote.get("ask"), quote.get("at")
    if price is None or at is None:
        return None
    return LastPrice(Decimal(str(price)), datetime.fromisoformat(str(at)), LastPriceSource.QUOTE)
