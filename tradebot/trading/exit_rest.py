"""What an exit may still sell, what it has left when it has ended, and what it waits for.

Rules: never more than its first order at IB left, in the shares of today where they were split since; and never a lot that was
opened after the exit's alert: it was not meant. An exit concerns its strategy's lots alone, and a partial one only the shares
that it asked for. Exits of several strategies share IB's position: one at a time, while entries of others work on. What protects
shares and merely rests at IB keeps no exit waiting: that of its own shares is lifted first, and an order of others stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import Alert, AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.domain.exit_ends import AT_IB, left_unfilled
from tradebot.domain.facts.orders import ProtectionLifted
from tradebot.domain.instructions import of_alert
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.trades import UNRESOLVED, OrderRole, Trade, TradeStatus
from tradebot.ports import Books

LIFTED_FOR = timedelta(seconds=60)
"""So long an exit that has lifted the protection of its shares is given to sell them; then they are protected again."""
LIFTED_SINCE = timedelta(days=4)
"""A cancel that IB has not answered is older only over a long weekend."""
LOOK_BACK = timedelta(days=4)
"""What an exit has left is looked for among those decided since then: over a long weekend."""


async def left_of(books: Books, orders: Sequence[Trade]) -> Decimal | None:
    """What the next of an alert's orders may sell at most; None when it is the first. Raises LedgerUnavailable."""
    if left_unfilled(orders) is None:
        return None
    return left_unfilled(orders, await books.corporate_actions(orders[0].strategy, orders[0].ticker))


async def older_lots(books: Books, strategy: str, ticker: str, alert_id: int) -> Sequence[Lot]:
    """The strategy's open lots of the ticker that were bought for an alert before this one. Raises LedgerUnavailable."""
    lots = await books.lots(LotStatus.OPEN, ticker=ticker, strategy=strategy)
    openings = [await books.trade(lot.opening_trade_id) for lot in lots]
    return [lot for lot, opening in zip(lots, openings, strict=True) if opening and opening.alert_id < alert_id]


def is_partial(alert: Alert) -> bool:
    """Whether it was to sell a part of what its strategy held."""
    instruction = of_alert(alert)
    return instruction is not None and instruction.is_partial


async def left_behind(books: Books, alert: Alert, lots: Sequence[Lot]) -> Decimal:
    """Shares of these open lots that the exit was to sell and has not. Raises LedgerUnavailable."""
    held = sum((lot.qty for lot in lots if lot.status is LotStatus.OPEN), Decimal(0))
    orders = await books.trades_of_alert(alert.id) if is_partial(alert) else ()
    if not orders:
        return held
    left = await left_of(books, orders)
    if left is None:
        left = orders[-1].requested_qty - orders[-1].filled_qty
    first = next((one for one in orders if one.status in AT_IB), orders[-1])
    return min(held, left + await _not_asked_of_ib(books, first))


async def spoken_for(books: Books, strategy: str, ticker: str, now: datetime) -> Decimal:
    """Shares of the strategy's that exits have left and still sell by themselves: neither sold nor offered to the owner yet.

    Raises LedgerUnavailable.
    """
    total = Decimal(0)
    for order in await books.trades(tuple(AT_IB), ticker=ticker, strategy=strategy, since=now - LOOK_BACK):
        orders = await books.trades_of_alert(order.alert_id)
        told = await books.events(alert_id=order.alert_id)
        offered = any(one.kind == EventKind.EXIT_INCOMPLETE and one.trade_id == order.id for one in told)
        if order.role is OrderRole.EXIT and orders[-1].id == order.id and not offered:
            lots = await older_lots(books, strategy, ticker, order.alert_id)
            there = sum((lot.qty for lot in lots), Decimal(0))
            total += min(await left_of(books, orders) or Decimal(0), there)
    return total


async def _not_asked_of_ib(books: Books, order: Trade) -> Decimal:
    """Shares of what its alert was for that IB did not have when it was decided."""
    sizing = (await books.decision(order.id) or {}).get("sizing")
    sized = sizing.get("sized") if isinstance(sizing, Mapping) else None
    return max(Decimal(str(sized)) - order.requested_qty, Decimal(0)) if sized is not None else Decimal(0)


async def exit_waits_for(books: Books, strategy: str, ticker: str) -> list[Trade]:
    """The orders that must end before an exit of this strategy may leave. Raises LedgerUnavailable.

    Its own strategy's, every SELL, for they share IB's position, and what is UNKNOWN. Another strategy's BUY takes nothing away,
    nor does a stop or target that rests.
    """
    unresolved = await books.trades(UNRESOLVED, ticker=ticker)
    # An entry may wait for its price for days: judging the exit has it cancelled, or leaves it alone.
    resting = [one for one in unresolved if one.role is OrderRole.ENTRY and one.rests]
    return [one for one in unresolved if holds_up_an_exit(one, strategy) and one not in resting]


def holds_up_an_exit(order: Trade, strategy: str) -> bool:
    """Whether this order of its ticker or contract, in flight or UNKNOWN, must end before an exit of the strategy leaves."""
    if order.is_protective and order.rests:
        return False
    return order.strategy == strategy or order.side is Side.SELL or order.status is TradeStatus.UNKNOWN


@dataclass(frozen=True, slots=True)
class Lifted:
    """A stop or target that an exit has begun to lift."""

    order: Trade
    keeps: Decimal  # shares that it goes on protecting; 0: it is cancelled
    by_alert: int
    at: datetime


async def lifted_since(books: Books, since: datetime, alert_id: int | None = None) -> list[Lifted]:
    """By any exit, or by this one; the oldest first. Raises LedgerUnavailable."""
    found = []
    for event in await books.events_since((EventKind.PROTECTION_LIFTED,), since):
        facts = event.facts
        if isinstance(facts, ProtectionLifted) and event.trade_id is not None and alert_id in (None, facts.by_alert):
            order = await books.trade(event.trade_id)
            assert order is not None, f"trade {event.trade_id} is being lifted"
            found.append(Lifted(order, facts.keeps, facts.by_alert, event.at))
    return found


async def lifted_now(books: Books, now: datetime) -> list[Lifted]:
    """By exits that have no order yet: nothing protects these shares anew meanwhile.

    The exit's alert is still to be judged, and it began lately: what does not go on, for whatever reason and over any restart,
    has its shares protected again. Raises LedgerUnavailable.
    """
    found = []
    for one in await lifted_since(books, now - LIFTED_FOR):
        alert = await books.alert(one.by_alert)
        lately = abs(now - one.at) <= LIFTED_FOR  # in the future: the clock was set back since
        if lately and alert is not None and alert.status is AlertStatus.RECEIVED:
            found.append(one)
    return found
