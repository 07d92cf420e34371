"""Which events a booking leaves behind: in its own transaction, so that a fill and its message cannot part."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tradebot.domain.alerts import Alert, Side
from tradebot.domain.brokerage import ErrorKind, OrderError
from tradebot.domain.events import EventKind, Facts, NewEvent
from tradebot.domain.facts import orders as o
from tradebot.domain.facts.account import ExitIncomplete, ExitLeft
from tradebot.domain.lots import ExecutionSummary, Lot, LotStatus
from tradebot.domain.orders import ENDED
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import OrderRole, Trade, TradeStatus
from tradebot.ports import Books
from tradebot.trading.entries_at_work import will_be_told
from tradebot.trading.exit_rest import is_partial, left_behind, older_lots

_NO_WORD_ON_ITS_END = frozenset({ErrorKind.NOTICE, ErrorKind.CANCEL_REFUSED})
_JUST_NOW = timedelta(seconds=5)
TOLD_AT = 3
"""So many orders of an alert that could not leave are told to the owner, once."""


@dataclass(frozen=True, slots=True)
class OrderChange:
    """A trade before and after a booking, with what the message needs."""

    before: Trade
    after: Trade
    alert: Alert
    total: ExecutionSummary
    now: datetime


async def advanced(books: Books, change: OrderChange) -> None:
    """Adds the event of how the broker's update moved a trade."""
    before, after = change.before, change.after
    if after.status in ENDED and before.status not in ENDED:
        await _ended(books, change)
    elif after.status in ENDED:
        if (after.filled_qty, after.avg_fill_price) != (before.filled_qty, before.avg_fill_price):
            corrected = {"filled_qty_before": before.filled_qty, "avg_fill_price_before": before.avg_fill_price}
            await _add(books, change, o.BooksCorrected.of(after, **corrected))
    elif before.status in ENDED:
        await _add(books, change, o.OrderResolved.of(after, code=o.Resolution.ALIVE, before=before.status))
    elif after.filled_qty != before.filled_qty:
        await _add(books, change, o.PartialFill.of(after))
    elif after.status is TradeStatus.SUBMITTED and before.status is TradeStatus.UNKNOWN:
        await _add(books, change, o.OrderResolved.of(after, code=o.Resolution.WORKING, before=before.status))
    elif after.status is TradeStatus.SUBMITTED and before.status is TradeStatus.SUBMITTING:
        waits = after.role is OrderRole.ENTRY and after.rests and not _is_marketable(after)
        await _add(books, change, o.OrderWaits.of(after, ask=_ask(after)) if waits else o.OrderAccepted.of(after))
    if _begins_to_protect(before, after):
        await _protection_works(books, change)


def _is_marketable(trade: Trade) -> bool:
    """A limit that fills at once, by the quote of its decision."""
    ask = _ask(trade)
    return (
        trade.order_type is OrderType.LIMIT and None not in (ask, trade.limit_price) and trade.limit_price >= ask  # type: ignore[operator]
    )


def _ask(trade: Trade) -> Decimal | None:
    ask = (trade.quote or {}).get("ask")
    return None if ask is None else Decimal(str(ask))


def _begins_to_protect(before: Trade, after: Trade) -> bool:
    """An entry that is over with shares bought, or a stop or target that IB shows for the first time, or again."""
    if after.is_protective:
        return after.status is TradeStatus.SUBMITTED and before.status is not TradeStatus.SUBMITTED
    return after.role is OrderRole.ENTRY and after.status in ENDED and before.status not in ENDED


async def _protection_works(books: Books, change: OrderChange) -> None:
    """Tells what protects the entry once it is over with shares bought and all of that is at IB."""
    parent_id = change.after.parent_trade_id
    entry = change.after if parent_id is None else await books.trade(parent_id)
    if entry is None or entry.status not in ENDED or not entry.filled_qty:
        return
    orders = [one for one in await books.protection_of([entry.id]) if one.status not in ENDED]
    if orders and all(one.rests for one in orders):
        terms = {one.role: one.terms for one in orders}
        works = o.ProtectionWorks.of(entry, stop=terms.get(OrderRole.STOP), target=terms.get(OrderRole.TARGET))
        await books.add_event(NewEvent(works, change.now, entry.alert_id, entry.id))


async def concluded(books: Books, before: Trade, after: Trade, reason: Reason | str, now: datetime) -> None:
    """Adds the event of what was concluded without the broker having shown an order."""
    facts: Facts
    if after.status is TradeStatus.UNKNOWN:
        facts = o.OrderUnknown.of(after, reason=reason)
    else:
        end = o.OrderEnd.REJECTED_UNSEEN if reason == before.error_message else o.OrderEnd.NOT_SENT
        facts = _unfilled(before, after, end, reason)
    await books.add_event(NewEvent(facts, now, after.alert_id, after.id))
    if after.status is TradeStatus.FAILED and after.role is OrderRole.EXIT:
        lots = await books.lots(LotStatus.OPEN, ticker=after.ticker, strategy=after.strategy)
        alert = await books.alert(after.alert_id)
        assert alert is not None, f"trade {after.id} belongs to a stored alert"
        left = await left_behind(books, alert, lots)
        code, detail = _why_left(reason)
        await exit_incomplete(
            books, after.ticker, left, now, alert_id=alert.id, trade_id=after.id, code=code, detail=detail
        )


def _why_left(reason: Reason | str) -> tuple[ExitLeft | None, str]:
    if isinstance(reason, str):
        return ExitLeft.REFUSED, reason
    return (ExitLeft.NOT_SHOWN if reason.code == ReasonCode.NEVER_SEEN else None), ""


async def told(books: Books, trade: Trade, errors: Iterable[OrderError], now: datetime) -> None:
    """Keeps what IB said of an order that sells: what ended it decides what follows."""
    for error in errors:
        if (trade.role is OrderRole.EXIT or trade.is_protective) and error.kind not in _NO_WORD_ON_ITS_END:
            facts = o.OrderTold(trade.ticker, trade.order_ref, error.code, error.text)
            await books.add_event(NewEvent(facts, now, trade.alert_id, trade.id))


async def judged_again(books: Books, after: Trade, reason: Reason, now: datetime) -> None:
    """Adds the trace of an order that certainly did not leave; the third of an alert is told."""
    before = await books.events(alert_id=after.alert_id)
    times = 1 + sum(event.kind is EventKind.ORDER_JUDGED_AGAIN for event in before)
    facts: list[Facts] = [o.OrderJudgedAgain.of(after, code=reason.code, reason=reason, times=times)]
    if times == TOLD_AT:
        facts.append(o.OrderHeldUp.of(after, code=reason.code, reason=reason, times=times))
    for one in facts:
        await books.add_event(NewEvent(one, now, after.alert_id, after.id))


async def sold_beyond(books: Books, trade: Trade, beyond: Decimal, now: datetime) -> None:
    """Tells of shares that no lot had."""
    await books.add_event(NewEvent(o.SoldBeyond.of(trade, beyond=beyond), now, trade.alert_id, trade.id))


def _unfilled(
    before: Trade, after: Trade, end: o.OrderEnd, reason: Reason | str | None
) -> o.OrderFailed | o.OrderResolved:
    if before.status is TradeStatus.UNKNOWN:
        return o.OrderResolved.of(after, code=o.Resolution(end.value), before=before.status, reason=reason)
    return o.OrderFailed.of(after, code=end, reason=reason)


async def _ended(books: Books, change: OrderChange) -> None:
    before, after = change.before, change.after
    if after.is_protective and after.filled_qty:
        await _protection_filled(books, change)
    elif after.is_protective and not after.error_message and before.status is not TradeStatus.UNKNOWN:
        await _add(books, change, o.ProtectionEnded.of(after))
    elif after.filled_qty == 0:
        end = o.OrderEnd.REJECTED if after.error_message else o.OrderEnd.CANCELLED
        unfilled = _unfilled(before, after, end, after.error_message)
        folded = unfilled.code is o.OrderEnd.CANCELLED and await will_be_told(books, after)
        await _add(books, change, unfilled, told=not folded)
    else:
        known = {
            "commission_known": change.total.all_commissions_known,
            "took_s": _took_s(change),
        }
        if after.side is Side.BUY:
            decision = await books.decision(after.id) or {}
            sizing = decision.get("sizing") or {}
            await _add(
                books, change, o.BuyFilled.of(after, **known, delayed=sized_by_delayed_quote(after), sizing=sizing)
            )
        else:
            left = await _still_held(books, after) if is_partial(change.alert) else None
            sold = _sold(await books.lots_closed_by([after.id]))
            await _add(books, change, o.SellFilled.of(after, **known, **sold, left=left))
    # What one that was refused, or that could not be for all shares, has left; of any other see rearm.py.
    refused = after.status is TradeStatus.FAILED
    if after.role is OrderRole.EXIT and (refused or after.status is TradeStatus.FILLED):
        lots = await older_lots(books, after.strategy, after.ticker, after.alert_id)
        await exit_incomplete(
            books,
            after.ticker,
            await left_behind(books, change.alert, lots),
            change.now,
            alert_id=after.alert_id,
            trade_id=after.id,
            code=ExitLeft.REFUSED if refused else None,
            detail=str(after.error_message) if refused else "",
        )


async def _protection_filled(books: Books, change: OrderChange) -> None:
    after = change.after
    sold = await books.lots_closed_by([after.id])
    lots = await books.lots(LotStatus.OPEN, ticker=after.ticker, strategy=after.strategy)
    kind = o.StoppedOut if after.role is OrderRole.STOP else o.TargetReached
    facts = kind.of(
        after,
        commission_known=change.total.all_commissions_known,
        **_sold(sold),
        left=sum((lot.qty for lot in lots if lot.opening_trade_id == after.parent_trade_id), Decimal(0)),
    )
    await _add(books, change, facts)


async def _still_held(books: Books, trade: Trade) -> Decimal:
    lots = await books.lots(LotStatus.OPEN, ticker=trade.ticker, strategy=trade.strategy)
    return sum((lot.qty for lot in lots), Decimal(0))


def sized_by_delayed_quote(trade: Trade) -> bool:
    return trade.quote is not None and trade.quote.get("delayed") is True


async def exit_incomplete(
    books: Books,
    ticker: str,
    left: Decimal,
    now: datetime,
    *,
    alert_id: int,
    trade_id: int | None = None,
    code: ExitLeft | None = None,
    detail: str = "",
) -> None:
    """Adds an event where an exit has ended and `left` shares that it was to sell. Nothing where there are none."""
    if left:
        await books.add_event(NewEvent(ExitIncomplete(ticker, left, code, detail), now, alert_id, trade_id))


async def _add(books: Books, change: OrderChange, facts: Facts, *, told: bool = True) -> None:
    await books.add_event(NewEvent(facts, change.now, change.after.alert_id, change.after.id, told=told))


def _sold(lots: Sequence[Lot]) -> dict[str, Any]:
    """What these lots brought, what they had cost, and how long the oldest was held."""
    held = [(lot.exit_time - lot.entry_time).total_seconds() for lot in lots if lot.exit_time is not None]
    return {
        "pnl": sum((lot.pnl for lot in lots if lot.pnl is not None), Decimal(0)),
        "cost": sum((lot.cost for lot in lots), Decimal(0)),
        "held_s": max(held, default=None),
    }


def _took_s(change: OrderChange) -> float | None:
    """From the alert to its last fill, by our clock where it is booked at once. What is booked later, as a part that filled long
    before the rest was cancelled, has IB's whole seconds only: None where that tells nothing."""
    last, received = change.total.last_fill, change.alert.received_at
    if last is None or change.now - last < _JUST_NOW:
        return max((change.now - received).total_seconds(), 0.0)
    took = (last - received).total_seconds()
    return took if took >= 1 else None
