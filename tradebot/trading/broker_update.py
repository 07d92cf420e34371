"""What the broker reported of one order since it was last booked, and what follows from it alone. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tradebot.domain.brokerage import (
    Executed,
    Execution,
    OrderError,
    OrderReport,
    OrderUpdate,
)
from tradebot.domain.trades import Trade

OWNERS_WORD = "owner."
"""Begins the execution id of a fill that is booked on the owner's word, never IB's."""


@dataclass(slots=True)
class BrokerUpdate:
    """What the broker said of one order since it was last booked."""

    executions: list[Execution] = field(default_factory=list)
    seen: OrderReport | None = None
    errors: list[OrderError] = field(default_factory=list)
    by_owner: bool = False  # the owner's word, not IB's: good for an UNKNOWN order only

    def add(self, event: Executed | OrderUpdate | OrderError) -> None:
        match event:
            case Executed(execution):
                self.executions.append(execution)
            case OrderUpdate(order):
                told = self.seen.filled if self.seen and order.filled is None else order.filled
                self.seen = replace(order, filled=told)  # openOrder does not say what has filled
            case OrderError():
                self.errors.append(event)

    @property
    def lacks_commission(self) -> bool:
        known = {e.exec_id for e in self.executions if e.commission is not None}
        return any(e.exec_id not in known for e in self.executions)


def ticker_in(update: BrokerUpdate) -> str | None:
    if update.seen is not None:
        return update.seen.ticker
    return update.executions[0].ticker if update.executions else None


def broker_ids(trade: Trade, update: BrokerUpdate) -> tuple[int | None, int | None]:
    """The order id and permId as IB last told them; completed orders and other clients' views carry none."""
    told = [(e.order_id, e.perm_id) for e in update.executions]
    if update.seen is not None:
        told.append((update.seen.order_id, update.seen.perm_id))
    order_id, perm_id = trade.ib_order_id, trade.perm_id
    for told_order_id, told_perm_id in told:
        order_id = told_order_id or order_id
        perm_id = told_perm_id or perm_id
    return order_id, perm_id


def retracted(stored: Sequence[Execution], update: BrokerUpdate) -> list[Execution]:
    """Fills on the owner's word, taken back as soon as IB shows fills that were not known when it was given."""
    known = {execution.exec_id for execution in stored}
    if all(one.exec_id in known or one.exec_id.startswith(OWNERS_WORD) for one in update.executions):
        return []
    said = [execution for execution in stored if execution.exec_id.startswith(OWNERS_WORD) and execution.shares]
    return [replace(one, exec_id=f"{one.root}.{one.revision + 1}", shares=Decimal(0)) for one in said]
