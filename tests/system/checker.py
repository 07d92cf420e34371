"""An independent checker: reads only the database and the gateway's own journal, and says what must hold after any run."""

from collections import Counter
from decimal import Decimal

from tests.system.harness import BooksNow, Gateway
from tradebot.domain.model import ORDER_REF_PREFIX, AlertStatus, LotStatus, Side, TradeStatus

ENDS = frozenset(AlertStatus) - {AlertStatus.RECEIVED, AlertStatus.PROCESSING}


async def check(books: BooksNow, gateway: Gateway) -> None:
    """Raises AssertionError naming the promise that is broken."""
    received = Counter(await gateway.received())
    for order_ref, times in received.items():
        assert times == 1, f"order {order_ref} reached the gateway {times} times"
    known = {trade.order_ref: trade for trade in books.trades}
    ours = {order_ref for order_ref in received if order_ref.startswith(ORDER_REF_PREFIX)}
    assert ours <= set(known), f"orders without a stored intent reached the gateway: {ours - set(known)}"
    per_alert = Counter(trade.alert_id for trade in books.trades)
    assert all(count == 1 for count in per_alert.values()), f"more than one order for an alert: {per_alert}"
    for alert in books.alerts.values():
        assert alert.status in ENDS, f"alert {alert.id} has no end: {alert.status}"
    for trade in books.trades:
        assert trade.decision.get("checks"), f"trade {trade.id} has no stored decision"
    await _fills_agree(books, gateway)


async def _fills_agree(books: BooksNow, gateway: Gateway) -> None:
    """What the gateway filled for us is what the books hold, trade by trade and ticker by ticker."""
    at_gateway = {order["order_ref"]: Decimal(order["filled"]) for order in await gateway.orders()}
    for trade in books.trades:
        if trade.status is not TradeStatus.UNKNOWN:
            filled = at_gateway.get(trade.order_ref, Decimal(0))
            assert trade.filled_qty == filled, f"{trade.order_ref}: booked {trade.filled_qty}, filled {filled}"
    for ticker in {trade.ticker for trade in books.trades}:
        mine = [trade for trade in books.trades if trade.ticker == ticker]
        net = sum((t.filled_qty if t.side is Side.BUY else -t.filled_qty for t in mine), Decimal(0))
        held = sum((lot.qty for lot in books.lots if lot.ticker == ticker and lot.status is LotStatus.OPEN), Decimal(0))
        assert net == held >= 0, f"{ticker}: executions make {net}, the lots hold {held}"
        assert Decimal(await gateway.position(ticker)) >= 0, f"{ticker} is short at the gateway"
