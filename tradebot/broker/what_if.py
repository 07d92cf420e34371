"""What an order would lead to, by IB's own reckoning: a what-if order is answered with margins and commission, and is none.

Rules: never transmitted; one at a time on a connection; its number is of the same counter as every order's.
"""

import ib_async

from tradebot.broker import codes
from tradebot.broker.client import TwsClient
from tradebot.broker.orders import ib_contract, ib_order
from tradebot.broker.wrapper import Session
from tradebot.domain.brokerage import Numbered, Order

_WHAT_IF = "what an order would lead to"
_NOTICES = codes.NOTICES | frozenset(range(2100, 2200))


async def what_if(session: Session, order: Order, timeout_s: float) -> ib_async.OrderState:
    """Raises RequestRefused where IB would not take the order, BrokerUnavailable, BrokerSilent."""
    async with session.requests.alone(_WHAT_IF):
        order_id = session.what_if = session.client.getReqId()
        *_, state = await session.requests.numbered(
            order_id,
            _WHAT_IF,
            lambda: _ask(session.client, order_id, order, session.account.account),
            timeout_s,
            notices=_NOTICES,
        )
    assert isinstance(state, ib_async.OrderState)
    return state


def _ask(client: TwsClient, order_id: int, order: Order, account: str) -> None:
    asked: ib_async.Order = ib_order(Numbered(order, order_id), account, transmit=True)
    asked.whatIf = True
    client.placeOrder(order_id, ib_contract(order.contract), asked)
