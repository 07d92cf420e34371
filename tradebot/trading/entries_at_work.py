"""Entries that wait at IB for their price, and that one of them is to be cancelled.

Rules: that an order is to be cancelled is stored, as an event of its alert, in the transaction of what asks for it; the order
monitor sends the cancel, and again, until the order has ended, after a restart too. Each strategy's entries are its own. What an
alert that cancels has ended is told once, by that alert's own end.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from tradebot.domain.alerts import WAITING, Alert
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.facts.orders import CancelReason, OrderCancelling
from tradebot.domain.instructions import Verb, of_alert
from tradebot.domain.refusals import Fact, Refusal, RefusalCode
from tradebot.domain.strategies import OnNewSignal, Strategy
from tradebot.domain.trades import UNRESOLVED, OrderRole, Trade
from tradebot.ports import Books

WANTED = (
    CancelReason.REPLACED,
    CancelReason.EXIT_FIRST,
    CancelReason.CANCEL_ALERT,
    CancelReason.FLAT_BY,
    CancelReason.OWNER,
)
"""Reasons that somebody has given: they hold until the order has ended."""

SET_BACK_MAX = timedelta(days=1)
"""So far the clock may have been set back between an order and the wish to have it cancelled."""


def is_cancel(alert: Alert) -> bool:
    """Whether it asks for entries to be cancelled, and for nothing else. Raises ValueError as `of_alert`."""
    instruction = of_alert(alert)
    return instruction is not None and instruction.verb is Verb.CANCEL


async def entries_at_work(
    books: Books, strategy: str, tickers: Collection[str], con_ids: Collection[int] = ()
) -> Sequence[Trade]:
    """The strategy's entries of these tickers or contracts that have not ended, UNKNOWN ones too. Raises LedgerUnavailable."""
    unresolved = await books.trades(UNRESOLVED, strategy=strategy)
    return [
        one for one in unresolved if one.role is OrderRole.ENTRY and (one.ticker in tickers or one.con_id in con_ids)
    ]


def refusal_beside(resting: Sequence[Trade], strategy: Strategy, ticker: str, alert_id: int) -> Refusal | None:
    """Why a BUY of this alert is not the second entry beside these; None: it comes in their place, or there are none.

    What an older signal asks for never replaces a newer one's.
    """
    newest = resting[-1] if resting else None
    if newest is None or (strategy.on_new_signal is OnNewSignal.REPLACE and newest.alert_id < alert_id):
        return None
    facts: dict[str, Fact] = {
        "ticker": ticker,
        "strategy": strategy.name,
        "qty": newest.requested_qty,
        "by_alert": newest.alert_id,
        "newer": int(newest.alert_id > alert_id),
    }
    return Refusal(RefusalCode.ENTRY_AT_WORK, facts)


def unfilled(orders: Iterable[Trade]) -> Collection[int]:
    """The ids of those that would leave nothing behind: what they reserve is free for what comes in their place."""
    return {one.id for one in orders if not one.filled_qty}


async def want_cancelled(
    books: Books,
    orders: Iterable[Trade],
    code: CancelReason,
    now: datetime,
    *,
    by_alert: int | None = None,
    actor: str = "bot",
) -> None:
    """Stores that these are to be cancelled, once an order, and tells it, unless an alert that cancels will tell what it has
    ended. Raises LedgerUnavailable."""
    orders = list(orders)
    known = await cancels_wanted(books, orders)
    for one in orders:
        if one.id not in known:
            facts = OrderCancelling.of(one, code=code, timeout_s=0.0, by_alert=by_alert)
            told = code is not CancelReason.CANCEL_ALERT
            await books.add_event(NewEvent(facts, now, one.alert_id, one.id, actor=actor, told=told))


async def cancels_wanted(books: Books, orders: Collection[Trade]) -> Mapping[int, CancelReason]:
    """Those of these orders that somebody wants cancelled, by trade id, and why. Raises LedgerUnavailable."""
    found = await _wanted(books, orders)
    return {trade_id: facts.code for trade_id, facts in found.items()}


async def cancelled_by(books: Books, alert: Alert, orders: Collection[Trade]) -> Sequence[Trade]:
    """Those of these orders that this alert wanted cancelled. Raises LedgerUnavailable."""
    found = await _wanted(books, orders)
    return [one for one in orders if one.id in found and found[one.id].by_alert == alert.id]


async def will_be_told(books: Books, order: Trade) -> bool:
    """Whether the alert that wanted this order cancelled is still to end, and tells this order's end with its own; one that was
    taken out of the queue meanwhile tells nothing. Raises LedgerUnavailable."""
    found = (await _wanted(books, [order])).get(order.id)
    if found is None or found.code is not CancelReason.CANCEL_ALERT or found.by_alert is None:
        return False
    alert = await books.alert(found.by_alert)
    return alert is not None and alert.status in WAITING


async def _wanted(books: Books, orders: Collection[Trade]) -> Mapping[int, OrderCancelling]:
    if not orders:
        return {}
    ids, since = {one.id for one in orders}, min(one.created_at for one in orders) - SET_BACK_MAX
    told = await books.events_since((EventKind.ORDER_CANCELLING,), since)
    return {
        event.trade_id: event.facts
        for event in told
        if event.trade_id in ids and isinstance(event.facts, OrderCancelling) and event.facts.code in WANTED
    }
