"""How an alert that cancels entries is judged: each of its strategy and ticker that works or waits, and was asked for before it.

Rules: it is done when none of them works any more; until then it waits. It needs no quote and no open market, and neither a pause
nor the kill switch stands in its way: it only ever lowers risk. Nothing that is held is sold. An UNKNOWN order is to be cancelled
should it come to life, and is said. It is told in one message, its own: what it has ended is a trace. What had filled before the
cancel came is said there too, and tells itself.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from tradebot.domain.alerts import WAITING, Alert, AlertStatus, Side
from tradebot.domain.facts.orders import CancelReason
from tradebot.domain.refusals import Refusal, RefusalCode
from tradebot.domain.trades import LIVE, OrderRole, TradeStatus
from tradebot.ports import Books
from tradebot.trading.entries_at_work import cancelled_by, entries_at_work, want_cancelled
from tradebot.trading.judging import Decided, Ending, Wait


async def judge_cancel(books: Books, alert: Alert, tickers: Collection[str], now: datetime) -> Decided:
    """Its outcome, written. Raises LedgerUnavailable."""
    entries = [one for one in await entries_at_work(books, alert.strategy, tickers) if one.alert_id < alert.id]
    await want_cancelled(books, entries, CancelReason.CANCEL_ALERT, now, by_alert=alert.id)
    if any(one.status in LIVE for one in entries):
        return Wait.TICKER
    ended = 0
    for ticker in tickers:
        for older in await books.alerts(WAITING, ticker=ticker, strategy=alert.strategy):
            if older.id < alert.id and older.action is Side.BUY:
                superseded = Refusal(RefusalCode.SUPERSEDED, {"by_alert": alert.id, "cancel": 1})
                await Ending(now).write(books, older, AlertStatus.BLOCKED, superseded, told=False)
                ended += 1
    of_these = [one for ticker in tickers for one in await books.trades(ticker=ticker, strategy=alert.strategy)]
    orders = await cancelled_by(books, alert, [one for one in of_these if one.role is OrderRole.ENTRY])
    by_status = Counter(one.status for one in orders)
    done = Refusal(
        RefusalCode.ENTRIES_CANCELLED,
        {
            "ticker": alert.ticker or "",
            "orders": by_status[TradeStatus.CANCELLED] + by_status[TradeStatus.PARTIAL],
            "too_late": by_status[TradeStatus.FILLED],
            "alerts": ended,
            "filled": sum((one.filled_qty for one in orders if one.status is TradeStatus.PARTIAL), Decimal(0)),
            "unknown": by_status[TradeStatus.UNKNOWN],
        },
    )
    await Ending(now).write(books, alert, AlertStatus.BLOCKED, done)
    return None
