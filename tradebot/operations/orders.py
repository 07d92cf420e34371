"""A person ends orders at work by hand.

Rules: only what still works then, whatever it is for; that he asked is stored before IB is asked, so that what follows is known
as his word. Nothing is sent anew in its place by that: an entry ends, an exit leaves its shares with a button, a stop is missed
and told. IB answers by the order's end; where it does not, the order is shown at work still.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from tradebot.domain.events import NewEvent
from tradebot.domain.facts.orders import OrderCancelAsked
from tradebot.domain.trades import LIVE, Trade
from tradebot.errors import BrokerUnavailable
from tradebot.ports import Broker, Ledger


async def cancel(
    ledger: Ledger, broker: Broker, trade_ids: Collection[int], actor: str, key: str, now: datetime
) -> Sequence[Trade]:
    """Those that IB was asked to end: none where they have ended, or `key` was used already.

    Raises LedgerUnavailable; BrokerUnavailable: nothing, or not all of it, was sent.
    """
    if not (broker.connection.up and broker.connection.upstream):
        raise BrokerUnavailable("IB is not connected: no cancel was sent")
    async with ledger.begin() as books:
        if not await books.claim(key, "cancel_orders", actor, now):
            return []
        orders = [await books.trade(trade_id) for trade_id in sorted(trade_ids)]
        alive = [one for one in orders if one is not None and one.status in LIVE and one.ib_order_id is not None]
        for one in alive:
            await books.add_event(NewEvent(OrderCancelAsked.of(one), now, one.alert_id, one.id, actor=actor))
    for one in alive:
        assert one.ib_order_id is not None, "only such are alive"
        broker.cancel(one.ib_order_id, one.order_ref)
    return alive
