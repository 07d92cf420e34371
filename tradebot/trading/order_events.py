"""Which events a booking leaves behind, and what they say: in its own transaction, so a fill and its message cannot part."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain import wording
from tradebot.domain.alerts import Alert, Side
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.lots import ExecutionSummary, Lot, LotStatus
from tradebot.domain.orders import ENDED
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.ports import Books

_JUST_NOW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class OrderChange:
    """A trade before and after a booking, with what the message needs."""

    before: Trade
    after: Trade
    alert: Alert
    lots: tuple[Lot, ...]  # the ticker's
    total: ExecutionSummary
    now: datetime


async def advanced(books: Books, change: OrderChange) -> None:
    """Tells how the broker's news moved a trade."""
    before, after = change.before, change.after
    if after.status in ENDED and before.status not in ENDED:
        await _ended(books, change)
    elif after.status in ENDED:
        if (after.filled_qty, after.avg_fill_price) != (before.filled_qty, before.avg_fill_price):
            await _corrected(books, change)
    elif before.status in ENDED:
        text = (
            f"{wording.order(after)} was booked as {before.status}, but IB shows it alive (order {after.order_ref}). "
            f"Its end will be told."
        )
        await _add(books, change, EventKind.ORDER_RESOLVED, text)
    elif after.filled_qty != before.filled_qty:
        text = f"{wording.order(after)}: {wording.shares(after.filled_qty)} filled so far, the rest is working."
        await _add(books, change, EventKind.PARTIAL_FILL, text)
    elif after.status is TradeStatus.SUBMITTED and before.status is TradeStatus.UNKNOWN:
        text = (
            f"{wording.order(after)} was UNKNOWN and is working at IB (order {after.order_ref}). Its end will be told."
        )
        await _add(books, change, EventKind.ORDER_RESOLVED, text)
    elif after.status is TradeStatus.SUBMITTED and before.status is TradeStatus.SUBMITTING:
        await _add(books, change, EventKind.ORDER_ACCEPTED, f"{wording.order(after)} is at IB.")


async def concluded(books: Books, before: Trade, after: Trade, reason: str, now: datetime) -> None:
    """Tells what recovery, or the last step, concluded without the broker having shown an order."""
    if after.status is TradeStatus.UNKNOWN:
        kind = EventKind.ORDER_UNKNOWN
        text = (
            f"{wording.order(after)} may or may not have reached IB: {reason} {after.ticker} is frozen until this is settled "
            f"(SELL waits, BUY is blocked). Look for order {after.order_ref} in TWS; it is asked for again every minute."
        )
    else:
        kind = EventKind.ORDER_FAILED if before.status is not TradeStatus.UNKNOWN else EventKind.ORDER_RESOLVED
        rejected = reason == before.error_message
        text = f"{wording.order(after)} was {f'rejected by {reason}.' if rejected else f'not sent: {reason}'} No order is at IB."
    data = _data(after)
    await books.add_event(NewEvent(kind, now, text, after.alert_id, after.id, data=data))
    if after.status is TradeStatus.FAILED and after.side is Side.SELL:
        lots = await books.lots(LotStatus.OPEN, ticker=after.ticker)
        await exit_incomplete(books, after.ticker, lots, now, alert_id=after.alert_id, trade_id=after.id)


async def _ended(books: Books, change: OrderChange) -> None:
    after = change.after
    if after.filled_qty > 0:
        kind = EventKind.BUY_FILLED if after.side is Side.BUY else EventKind.SELL_FILLED
        text = wording.fill(
            after,
            change.lots,
            commission_known=change.total.all_commissions_known,
            took_s=_took(change).total_seconds(),
        )
        if after.status is TradeStatus.PARTIAL:
            text += " The rest was cancelled."
    else:
        was_unknown = change.before.status is TradeStatus.UNKNOWN
        kind = EventKind.ORDER_RESOLVED if was_unknown else EventKind.ORDER_FAILED
        why = f"rejected by {after.error_message}" if after.error_message else "cancelled before anything filled"
        text = f"{wording.order(after)} was {why}. Nothing was {'bought' if after.side is Side.BUY else 'sold'}."
    await _add(books, change, kind, text)
    if after.side is Side.SELL:
        await exit_incomplete(books, after.ticker, change.lots, change.now, alert_id=after.alert_id, trade_id=after.id)


async def _corrected(books: Books, change: OrderChange) -> None:
    before, after = change.before, change.after
    old = f"{wording.shares(before.filled_qty)} at {wording.price(before.avg_fill_price or Decimal(0))}"
    new = f"{wording.shares(after.filled_qty)} at {wording.price(after.avg_fill_price or Decimal(0))}"
    text = (
        f"IB changed the books of {wording.order(after)} after its end: {old} is now {new}. Lots and P&L are rewritten."
    )
    await _add(books, change, EventKind.BOOKS_CORRECTED, text)


async def exit_incomplete(
    books: Books, ticker: str, lots: Iterable[Lot], now: datetime, *, alert_id: int, trade_id: int | None = None
) -> None:
    """Tells, loudly, that an exit has ended with shares left in the books. Nothing where none are left."""
    left = sum((lot.qty for lot in lots if lot.status is LotStatus.OPEN), Decimal(0))
    if not left:
        return
    text = (
        f"{ticker}: the exit left {wording.shares(left)} shares in the books. "
        f"Send another SELL alert for {ticker}, or sell them at IB yourself."
    )
    data = {"ticker": ticker, "qty": str(left)}
    await books.add_event(NewEvent(EventKind.EXIT_INCOMPLETE, now, text, alert_id, trade_id, data=data))


async def _add(books: Books, change: OrderChange, kind: EventKind, text: str) -> None:
    trade = change.after
    await books.add_event(NewEvent(kind, change.now, text, trade.alert_id, trade.id, data=_data(trade)))


def _data(trade: Trade) -> dict[str, object]:
    return {
        "ticker": trade.ticker,
        "side": trade.side,
        "order_ref": trade.order_ref,
        "status": trade.status,
        "requested_qty": str(trade.requested_qty),
        "filled_qty": str(trade.filled_qty),
        "avg_fill_price": str(trade.avg_fill_price) if trade.avg_fill_price is not None else None,
        "commission": str(trade.commission),
    }


def _took(change: OrderChange) -> timedelta:
    """From the alert to its last fill; IB's clock (one second's resolution) only where we booked much later."""
    last = change.total.last_fill
    done = change.now if last is None or change.now - last < _JUST_NOW else last
    return max(done - change.alert.received_at, timedelta(0))
