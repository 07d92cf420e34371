"""Alerts and orders as lists, the newest last."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.hours import Hours
from tradebot.domain.trades import UNRESOLVED, Trade
from tradebot.ports import Ledger


@dataclass(frozen=True, slots=True)
class ListedAlert:
    """An alert and its orders, the oldest first."""

    alert: Alert
    orders: Sequence[Trade]


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
        today = await books.trades(strategy=strategy, since=hours.day_start(now))
    orders = {trade.id: trade for trade in (*unresolved, *today)}
    return [orders[number] for number in sorted(orders)]
