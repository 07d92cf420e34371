"""A person has an order cancelled: it is stored, and told with his name, before IB is asked."""

from datetime import datetime

from tradebot.domain.events import NewEvent
from tradebot.domain.facts.orders import CancelReason, OrderCancelling
from tradebot.domain.trades import UNRESOLVED
from tradebot.ports import Broker, Ledger


async def cancel(ledger: Ledger, broker: Broker, trade_id: int, actor: str, now: datetime) -> bool:
    """False where it has ended. Raises LedgerUnavailable, BrokerUnavailable."""
    async with ledger.begin() as books:
        trade = await books.trade(trade_id)
        if trade is None or trade.status not in UNRESOLVED or trade.ib_order_id is None:
            return False
        facts = OrderCancelling.of(trade, code=CancelReason.OWNER, timeout_s=0.0)
        await books.add_event(NewEvent(facts, now, trade.alert_id, trade.id, actor=actor))
    broker.cancel(trade.ib_order_id, trade.order_ref)
    return True
