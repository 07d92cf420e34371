"""IB's side of orders that hang together, without a socket: brackets, OCA groups, changes and cancels.

Rules: what one order of a group fills is taken off the others (type 2), and no child sells what its parent has not bought. Where
IB may do one thing or the other, `Habits` says which. What it does by itself it tells at once, unless the line is down.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.fakes import Clock, FakeBroker
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import ErrorKind, Execution, Numbered, Order, OrderReport, OrderState, OrderUpdate
from tradebot.errors import BrokerUnavailable
from tradebot.ports import PositionReport

NONE = Decimal(0)
BARE = "Order Canceled - reason:"
BY_EXCHANGE = f"{BARE}Cancelled by Exchange"
NO_FRACTIONS = (10243, ErrorKind.REJECTED, "Fractional-sized order cannot be placed via API.")


@dataclass
class Habits:
    """How IB takes what is sent to it."""

    cancel: str = (
        "done"  # "silent": not answered; "filled": the order has just filled; "refused": told so, and works on
    )
    cut_parent: str = "keeps"  # "cancels": what protects a part takes its end with the rest of the parent
    lost: list[bool] = field(default_factory=list)  # whether the next new order, and those after it, never arrive
    change_lost: bool = False  # the next change never arrives
    says_filled: bool = True  # IB tells the state of what has filled, and not only the execution


class GroupBroker(FakeBroker):
    outlives = (*FakeBroker.outlives, "avg_costs", "asks", "habits", "ids", "parents", "changes", "on_group")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.habits = Habits()
        self.ids: dict[int, str] = {}  # order refs by the id that they were sent under
        self.parents: dict[str, str] = {}  # of children, by order ref
        self.changes: list[Order] = []
        self.on_group: Callable[[Sequence[str]], None] = lambda order_refs: None
        self.last_report: PositionReport | None = None  # that the bot was given

    # --- the port ---------------------------------------------------------------------------------------------------

    async def position_report(self) -> PositionReport:
        self.last_report = await super().position_report()
        return self.last_report

    def place(self, order: Order, order_id: int, generation: int) -> None:
        if order.order_ref not in self.ids.values():
            self.ids[order_id] = order.order_ref
            if order.parent_id:
                self.parents[order.order_ref] = self.ids[order.parent_id]
            self.takes_orders = not (self.habits.lost and self.habits.lost.pop(0))
            super().place(order, order_id, generation)
            if order.qty % 1:
                self._refuses_a_fraction(order)
            return
        self.on_place(order)
        if not self.now.up or generation != self.now.generation:
            raise BrokerUnavailable("decided on another connection")
        self.changes.append(order)
        if order.qty % 1:
            self.error(order.order_ref, *NO_FRACTIONS)
        elif self.habits.change_lost:
            self.habits.change_lost = False
        elif (at_work := self.working.get(order.order_ref)) is None:
            self.error(order.order_ref, 104, ErrorKind.UNCERTAIN, "Can't modify a filled order")
        elif order.qty <= (at_work.filled or NONE):
            self.error(order.order_ref, 201, ErrorKind.UNCERTAIN, "smaller than what has filled")
        else:
            self.working[order.order_ref] = replace(at_work, qty=order.qty, terms=order.terms)

    def place_group(self, group: Sequence[Numbered], generation: int) -> None:
        """The last one transmits them all: without it they wait, and are in no list."""
        self.on_group([one.order.order_ref for one in group])
        lost = len(group) > 1 and self.habits.lost[len(group) - 1 : len(group)] == [True]
        super().place_group(group, generation)
        if lost:
            for one in group:
                self.working.pop(one.order.order_ref, None)

    def cancel(self, order_id: int, order_ref: str) -> None:
        super().cancel(order_id, order_ref)
        asyncio.get_running_loop().call_soon(self._cancelled, order_ref)

    # --- what IB does -----------------------------------------------------------------------------------------------

    def fill(self, order_ref: str, shares: int, price: int | str = 100, **how: object) -> Execution:
        order = self.working.get(order_ref) or self.completed[order_ref]
        held, cost = (self.held or {}).get(order.con_id, NONE), self.avg_costs.get(order.con_id) or NONE
        execution = super().fill(order_ref, shares, price, **how)
        if order.side is Side.BUY:
            total = max(held, NONE) * cost + execution.shares * execution.price + 1
            self.avg_costs[order.con_id] = total / (max(held, NONE) + execution.shares)
        if (done := self.completed.get(order_ref)) is not None and self.habits.says_filled:
            self.events.put_nowait(OrderUpdate(done))
        for other in self._beside(order):
            left = other.qty - shares
            if left <= (other.filled or NONE):
                self.ends(other.order_ref)
            else:
                self.working[other.order_ref] = replace(other, qty=left)
        return execution

    def ends(self, order_ref: str, text: str | None = None) -> None:
        """IB ends it; `text`: what it says of that beside the state. Its children end with it, or keep what is bought."""
        order = self.working[order_ref]
        if text is not None:
            self.error(order_ref, 202, ErrorKind.CANCELLED, text)
        self.show(order_ref, OrderState.CANCELLED)
        bought = order.filled or NONE
        for child in self._children(order_ref):
            if not bought or self.habits.cut_parent == "cancels":
                self.ends(child.order_ref, f"{BARE}Parent order was cancelled")
            elif child.qty > bought:
                self.working[child.order_ref] = replace(child, qty=bought)

    def may_fill(self, order_ref: str) -> int:
        """Shares of it that the market can trade now."""
        order = self.working[order_ref]
        left = order.qty - (order.filled or NONE)
        parent = self.parents.get(order_ref)
        if parent is None or order.side is Side.BUY:
            return int(left)
        group = [ref for ref, of in self.parents.items() if of == parent]
        return int(max(min(left, self._filled([parent]) - self._filled(group)), NONE))

    def _filled(self, order_refs: Sequence[str]) -> Decimal:
        return sum((fill.shares for fill in self.fills if fill.order_ref in order_refs), NONE)

    def _beside(self, order: OrderReport) -> list[OrderReport]:
        group = order.oca_group
        others = [one for one in self.working.values() if one.order_ref != order.order_ref]
        return [one for one in others if group and one.oca_group == group]

    def _children(self, order_ref: str) -> list[OrderReport]:
        return [one for one in self.working.values() if self.parents.get(one.order_ref) == order_ref]

    def _cancelled(self, order_ref: str) -> None:
        order = self.working.get(order_ref)
        if order is None:
            known = order_ref in self.completed
            self._refused(order_ref, 10148 if known else 10147)
        elif self.habits.cancel == "filled" and (shares := self.may_fill(order_ref)):
            self.fill(order_ref, shares, 100)
            self._refused(order_ref, 10148)
        elif self.habits.cancel == "refused":
            self._refused(order_ref, 161)
        elif self.habits.cancel != "silent":
            self.ends(order_ref, BARE)

    def _refuses_a_fraction(self, order: Order) -> None:
        if order.order_ref in self.working:
            self.error(order.order_ref, *NO_FRACTIONS)
            self.show(order.order_ref, OrderState.INACTIVE)

    def _refused(self, order_ref: str, code: int) -> None:
        if self.now.up and self.now.upstream:
            self.error(order_ref, code, ErrorKind.CANCEL_REFUSED)
