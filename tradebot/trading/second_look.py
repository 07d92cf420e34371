"""Positions and orders for a SELL, looked at twice where the first answer alone must not be believed.

Rules:
- One answer that shows too few shares is no proof that they are gone: they may be on their way. Two that agree, seconds apart,
  are believed; two that do not decide nothing.
- Inactive is a rejection, or an order that is held: which, IB does not say. What is Inactive in both answers does not sell, and
  does not keep an exit waiting; what is Inactive once may be at work a moment later, and counts.
- What protects the shares is lifted before they are sold: it makes no shares too few.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import OrderReport, OrderState
from tradebot.domain.working_sells import working_sells
from tradebot.ports import Clock, PositionReport


async def position_report(
    ask: Callable[[], Awaitable[PositionReport]],
    clock: Clock,
    held: Mapping[int, Decimal],
    delay_s: float,
    protection: Collection[str] = (),
) -> PositionReport | None:
    """Without the SELL orders of these contracts that do not work; None where two answers do not agree.

    `held`: shares by con_id, as the books have them. `protection`: references of their own stops and targets. Raises what `ask`
    raises.
    """
    first = await ask()
    idle = {order.perm_id for order in first.open_orders if _is_idle(order, held)}
    if not idle and not _lacks(first, held, protection):
        return first
    await clock.sleep(delay_s)
    second = await ask()
    idle &= {order.perm_id for order in second.open_orders if _is_idle(order, held)}
    first, second = _without(first, idle), _without(second, idle)
    if _lacks(second, held, protection) and _free(second, held, protection) != _free(first, held, protection):
        return None
    return second


def _lacks(report: PositionReport, held: Mapping[int, Decimal], protection: Collection[str]) -> bool:
    return any(_free(report, held, protection)[con_id] < shares for con_id, shares in held.items())


def _free(report: PositionReport, con_ids: Collection[int], protection: Collection[str]) -> dict[int, Decimal]:
    """Shares that no working SELL covers, their own protection excepted."""
    at_ib = {con_id: one.qty for con_id, one in report.positions.items()}
    orders = [order for order in report.open_orders if order.order_ref not in protection]
    return {one: at_ib.get(one, Decimal(0)) - working_sells(orders, one).qty for one in con_ids}


def _without(report: PositionReport, perm_ids: Collection[int]) -> PositionReport:
    return replace(report, open_orders=[one for one in report.open_orders if one.perm_id not in perm_ids])


def _is_idle(order: OrderReport, con_ids: Collection[int]) -> bool:
    return order.state is OrderState.INACTIVE and order.side is Side.SELL and order.con_id in con_ids
