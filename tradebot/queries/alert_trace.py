"""One alert's whole life as the database keeps it: message, decisions, orders, fills, lots, events, and who was told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tradebot.domain.alerts import Alert
from tradebot.domain.brokerage import Execution
from tradebot.domain.delivery import Delivery
from tradebot.domain.events import Event, EventKind
from tradebot.domain.lots import Lot
from tradebot.domain.trades import ORDER_REF_PREFIX, Trade
from tradebot.ports import Books, Ledger


@dataclass(frozen=True, slots=True)
class TracedOrder:
    """An order with what it was decided on and what came of it."""

    trade: Trade
    decision: Mapping[str, object]  # checks and inputs, JSON; empty where none is stored
    executions: Sequence[Execution]
    opened: Sequence[Lot]  # what its shares are now: open, or closed by later orders
    closed: Sequence[Lot]


@dataclass(frozen=True, slots=True)
class AlertTrace:
    """An alert with all that is stored of it."""

    alert: Alert
    orders: Sequence[TracedOrder]  # the oldest first
    events: Sequence[Event]  # in the order in which they happened
    deliveries: Sequence[Delivery]  # of these events

    @property
    def is_pruned(self) -> bool:
        """Whether the retention has taken its beginning away."""
        begins = (EventKind.ALERT_STORED, EventKind.ALERT_REJECTED)
        return not any(event.kind in begins for event in self.events)


async def alert_trace(ledger: Ledger, name: str) -> AlertTrace | None:
    """By the alert's id, one of its orders' references, or the message's own "alert_id", of several strategies the newest.

    None: there is no such alert.

    Raises LedgerUnavailable.
    """
    async with ledger.read() as books:
        alert = await _named(books, name)
        if alert is None:
            return None
        trades = await books.orders_of_alerts([alert.id])
        ids = [trade.id for trade in trades]
        executions, lots = await books.executions_of(ids), await books.lots_of(ids)
        orders = [
            TracedOrder(
                trade,
                await books.decision(trade.id) or {},
                executions.get(trade.id, []),
                [lot for lot in lots if lot.opening_trade_id == trade.id],
                [lot for lot in lots if lot.closing_trade_id == trade.id],
            )
            for trade in trades
        ]
        events = await books.events(alert_id=alert.id)
        return AlertTrace(alert, orders, events, await books.deliveries([event.id for event in events]))


async def _named(books: Books, name: str) -> Alert | None:
    if name.startswith(ORDER_REF_PREFIX):
        trade = await books.trade_by_ref(name)
        if trade is not None:
            return await books.alert(trade.alert_id)
    number = int(name) if name.isascii() and name.isdecimal() and len(name) < 19 else None
    by_number = None if number is None else await books.alert(number)
    return by_number or await books.alert_by_own_id(name)
