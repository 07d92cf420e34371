"""Positions and orders for a SELL, looked at twice where IB lists an order as Inactive.

Rules: Inactive is a rejection, or an order that is held: which, IB does not say. What is Inactive in two answers, seconds apart,
does not sell, and does not keep an exit waiting; what is Inactive once may be at work a moment later, and counts.
"""

from collections.abc import Collection
from dataclasses import replace

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import OrderReport, OrderState
from tradebot.ports import Broker, Clock, PositionReport

LOOK_AGAIN_S = 2.0


async def position_report(broker: Broker, clock: Clock, con_ids: Collection[int]) -> PositionReport:
    """Without the SELL orders of these contracts that do not work. Raises BrokerUnavailable."""
    report = await broker.position_report()
    idle = {order.perm_id for order in report.open_orders if _is_idle(order, con_ids)}
    if not idle:
        return report
    await clock.sleep(LOOK_AGAIN_S)
    report = await broker.position_report()
    at_work = [order for order in report.open_orders if not (order.perm_id in idle and _is_idle(order, con_ids))]
    return replace(report, open_orders=at_work)


def _is_idle(order: OrderReport, con_ids: Collection[int]) -> bool:
    return order.state is OrderState.INACTIVE and order.side is Side.SELL and order.con_id in con_ids
