"""The account, its orders and its executions, as a fold over the journal's facts.

Money follows executions: cash and positions of a stock are computed again from its whole history when one of them is
corrected, so that a correction needs no arithmetic of its own. Commission is IB's fixed tariff: $0.005 a share, at least $1
an order. It is part of an opening trade's cost and of a closing trade's result, as at IB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from tradebot.simgateway import entries as e
from tradebot.simgateway.days import new_york_date
from tradebot.simgateway.model import ZERO, Execution, Order, Position

COMMISSION_PER_SHARE = Decimal("0.005")
COMMISSION_MIN = Decimal(1)


@dataclass(frozen=True)
class Opening:
    """One stock's position when the day began: shares, all that was realised, and its cash flow until then."""

    quantity: Decimal = ZERO
    realised: Decimal = ZERO
    flow: Decimal = ZERO


@dataclass
class Today:
    """How a day began, by contract, and what its sales will bring when they settle, the next day."""

    opening: dict[int, Opening] = field(default_factory=dict)
    unsettled: Decimal = ZERO


class Book:
    """State of one account. Only ``apply`` changes it."""

    def __init__(self) -> None:
        self.account = ""
        self.deposits = ZERO
        self.perm_next = 0
        self.day_began: datetime | None = None
        self.orders: dict[int, Order] = {}
        self.by_client: dict[tuple[int, int], int] = {}
        self.executions: dict[str, Execution] = {}
        self.positions: dict[int, Position] = {}
        self._today = Today()
        self._day: date | None = None
        self.corporate_actions: list[e.Split | e.Renamed | e.Listed] = []
        self._moved: dict[int, int] = {}
        self._live: dict[int, None] = {}
        self._listed_ids: dict[int, None] = {}
        self._next_ids: dict[int, int] = {}
        self._roots: dict[int, list[str]] = {}
        self._history: dict[int, list[e.PositionSet | e.Split | str]] = {}
        self._flows: dict[int, Decimal] = {}

    @property
    def cash(self) -> Decimal:
        return self.deposits + sum(self._flows.values(), ZERO)

    def apply(self, entry: e.Entry) -> None:
        """Fold one fact into the state."""
        if (day := new_york_date(entry.at)) != self._day or isinstance(entry, e.Midnight):
            self._day, self._today = day, self._day_begins()
        if fold := self._FOLDS.get(type(entry)):
            fold(self, entry)

    def today(self, now: datetime) -> Today:
        """How the New York day of ``now`` began, and what has not settled in it."""
        return self._today if new_york_date(now) == self._day else self._day_begins()

    def next_id(self, client_id: int) -> int:
        """The first order id this client has not used; goes back only in a restart."""
        return self._next_ids.get(client_id, 1)

    def live_orders(self) -> list[Order]:
        return [self.orders[perm_id] for perm_id in self._live]

    def open_orders(self, *, unsent: bool = False) -> list[Order]:
        """What IB lists as open: the live orders, and rejected ones that it has not let go of. Those that were not
        transmitted only where ``unsent``."""
        live = [order for order in self.live_orders() if order.sent or unsent]
        return live + [self.orders[perm_id] for perm_id in self._listed_ids]

    def order_executions(self, perm_id: int) -> list[Execution]:
        return [self.executions[root] for root in self._roots.get(perm_id, ())]

    def next_exec_id(self) -> str:
        """An execution id whose root no other execution of this account has."""
        count = len(self.executions) + 1
        return f"{self.perm_next & 0xFFFFFFFF:08x}.{count:08x}.01.01"

    def _opened(self, entry: e.Opened) -> None:
        self.account, self.deposits, self.perm_next = entry.account, entry.cash, entry.perm_base

    def _accepted(self, entry: e.Accepted) -> None:
        ticket = entry.ticket
        self.orders[entry.perm_id] = Order(
            entry.perm_id, ticket, entry.at, plan=entry.plan, stop=ticket.stop, sent=ticket.transmit
        )
        self._live[entry.perm_id] = None
        self.perm_next = max(self.perm_next, entry.perm_id + 1)
        if ticket.order_id > 0:
            self.by_client[ticket.client_id, ticket.order_id] = entry.perm_id
            self._next_ids[ticket.client_id] = max(self.next_id(ticket.client_id), ticket.order_id + 1)

    def _modified(self, entry: e.Modified) -> None:
        order = self.orders[entry.perm_id]
        trail, trail_pct = entry.trail, entry.trail_pct
        ticket = replace(
            order.ticket, quantity=entry.quantity, limit=entry.limit, stop=entry.stop, trail=trail, trail_pct=trail_pct
        )
        self.orders[entry.perm_id] = replace(order, ticket=ticket, stop=entry.stop)

    def _transmitted(self, entry: e.Transmitted) -> None:
        self._change(entry.perm_id, sent=True)

    def _trailed(self, entry: e.Trailed) -> None:
        self._change(entry.perm_id, stop=entry.stop)

    def _triggered(self, entry: e.Triggered) -> None:
        self._change(entry.perm_id, triggered=True, status="Submitted")

    def _reduced(self, entry: e.Reduced) -> None:
        order = self.orders[entry.perm_id]
        self._change(entry.perm_id, ticket=replace(order.ticket, quantity=entry.quantity))

    def _working(self, entry: e.Working) -> None:
        self._change(entry.perm_id, status="Submitted", why_held="")

    def _held(self, entry: e.Held) -> None:
        self._change(entry.perm_id, status=entry.status, why_held=entry.why)

    def _refused(self, entry: e.Refused) -> None:
        self._change(entry.perm_id, status="Inactive", done_at=entry.at, reason=entry.text, listed=entry.listed)
        if entry.listed:
            self._listed_ids[entry.perm_id] = None

    def _cancel_asked(self, entry: e.CancelAsked) -> None:
        self._change(entry.perm_id, status="PendingCancel", why_held="")

    def _cancelled(self, entry: e.Cancelled) -> None:
        self._listed_ids.pop(entry.perm_id, None)
        self._change(
            entry.perm_id, status="Cancelled", done_at=entry.at, reason=entry.reason, why_held="", listed=False
        )

    def _change(self, perm_id: int, **changes: object) -> None:
        order = self.orders[perm_id] = replace(self.orders[perm_id], **changes)  # type: ignore[arg-type]
        if not order.live:
            self._live.pop(perm_id, None)

    def _executed(self, entry: e.Executed) -> None:
        order = self.orders[entry.perm_id]
        root = entry.exec_id.rpartition(".")[0]
        self.executions[root] = Execution(
            entry.exec_id, entry.perm_id, entry.shares, entry.price, entry.at, entry.exchange, ZERO, ZERO, ZERO
        )
        self._roots.setdefault(entry.perm_id, []).append(root)
        self._total(entry.perm_id)
        if order.signed < 0:
            self._today.unsettled += entry.shares * entry.price - self.executions[root].commission
        self._happened(self._now_under(order.ticket.con_id), order.ticket.symbol, root)
        if self.orders[entry.perm_id].remaining <= 0:
            self._change(entry.perm_id, status="Filled", done_at=entry.at, why_held="")
        elif order.status == "PreSubmitted" or order.why_held:
            self._change(entry.perm_id, status="Submitted", why_held="")

    def _corrected(self, entry: e.Corrected) -> None:
        root = entry.exec_id.rpartition(".")[0]
        old = self.executions[root]
        self.executions[root] = replace(old, exec_id=entry.exec_id, shares=entry.shares, price=entry.price)
        self._total(old.perm_id)
        con_id = self._now_under(self.orders[old.perm_id].ticket.con_id)
        history, symbol = self._history.pop(con_id), self.positions.pop(con_id).symbol
        del self._flows[con_id]
        for item in history:
            self._happened(con_id, symbol, item)

    def _commission_reported(self, entry: e.CommissionReported) -> None:
        root = entry.exec_id.rpartition(".")[0]
        self.executions[root] = replace(self.executions[root], commission_reported=True)

    def _cash_set(self, entry: e.CashSet) -> None:
        self.deposits += entry.cash - self.cash

    def _position_set(self, entry: e.PositionSet) -> None:
        held = self.positions.get(entry.con_id, Position(entry.con_id, entry.symbol, ZERO, ZERO))
        opening = self._today.opening.get(entry.con_id, Opening())
        moved = replace(opening, quantity=opening.quantity + entry.quantity - held.quantity)
        self._today.opening[entry.con_id] = moved
        self._happened(entry.con_id, entry.symbol, entry)

    def _split(self, entry: e.Split) -> None:
        self.corporate_actions.append(entry)
        held = self.positions.get(entry.con_id)
        if held is None:
            return
        opening = self._today.opening.pop(entry.con_id, Opening())
        quantity = opening.quantity * entry.new / entry.old
        self._today.opening[entry.new_con_id or entry.con_id] = replace(opening, quantity=quantity)
        if entry.new_con_id:
            self._moved[entry.con_id] = entry.new_con_id
            self._history[entry.new_con_id] = self._history.pop(entry.con_id)
            self._flows[entry.new_con_id] = self._flows.pop(entry.con_id, ZERO)
            self.positions[entry.new_con_id] = replace(held, con_id=entry.new_con_id)
            self.positions[entry.con_id] = Position(entry.con_id, held.symbol, ZERO, ZERO)
        self._happened(entry.new_con_id or entry.con_id, held.symbol, entry)

    def _renamed(self, entry: e.Renamed) -> None:
        self.corporate_actions.append(entry)
        if held := self.positions.get(entry.con_id):
            self.positions[entry.con_id] = replace(held, symbol=entry.symbol)
        for perm_id, order in self.orders.items():
            if order.ticket.con_id == entry.con_id:
                self.orders[perm_id] = replace(order, ticket=replace(order.ticket, symbol=entry.symbol))

    def _listed(self, entry: e.Listed) -> None:
        self.corporate_actions.append(entry)

    def _now_under(self, con_id: int) -> int:
        """The contract that a stock's position is kept under, after splits that gave it a new one."""
        while con_id in self._moved:
            con_id = self._moved[con_id]
        return con_id

    def _restarted(self, entry: e.Restarted) -> None:
        self._next_ids = {client_id: max(1, each - entry.rollback) for client_id, each in self._next_ids.items()}
        self.by_client = {
            key: perm_id for key, perm_id in self.by_client.items() if perm_id in self._live | self._listed_ids
        }

    def _midnight(self, entry: e.Midnight) -> None:
        self.day_began = entry.at
        for perm_id in self._listed_ids:
            self._change(perm_id, listed=False)
        self._listed_ids.clear()

    def _day_begins(self) -> Today:
        return Today(
            {
                each.con_id: Opening(each.quantity, each.realised, self.flow(each.con_id))
                for each in self.positions.values()
            }
        )

    def flow(self, con_id: int) -> Decimal:
        """What one stock's executions brought in cash (negative: cost), commissions included."""
        return self._flows.get(con_id, ZERO)

    def _total(self, perm_id: int) -> None:
        """Figures of an order from its executions."""
        filled, cost, charged = ZERO, ZERO, ZERO
        for each in self.order_executions(perm_id):
            filled, cost = filled + each.shares, cost + each.shares * each.price
            due, avg = commission(filled), cost / filled if filled else ZERO
            self.executions[each.root] = replace(each, commission=due - charged, cum_qty=filled, avg_price=avg)
            charged = due
            self._change(perm_id, filled=filled, avg_price=avg, last_price=each.price)

    def _happened(self, con_id: int, symbol: str, item: e.PositionSet | e.Split | str) -> None:
        """Carry one stock's position and cash flow on by an execution (its root), the owner's change or a split."""
        self._history.setdefault(con_id, []).append(item)
        position = self.positions.get(con_id, Position(con_id, symbol, ZERO, ZERO))
        if isinstance(item, e.PositionSet):
            self.positions[con_id] = replace(position, quantity=item.quantity, avg_cost=item.avg_cost)
            return
        if isinstance(item, e.Split):
            self.positions[con_id] = split(position, item.new, item.old)
            return
        each = self.executions[item]
        signed = each.shares * self.orders[each.perm_id].signed
        after = trade(position, signed, each.price, each.commission)
        closing = position.quantity * signed < 0
        self.executions[item] = replace(each, realised=after.realised - position.realised if closing else None)
        self.positions[con_id] = after
        self._flows[con_id] = self.flow(con_id) - signed * each.price - each.commission

    _FOLDS: ClassVar[dict[type[e.Entry], Callable[..., None]]] = {
        e.Opened: _opened,
        e.Accepted: _accepted,
        e.Modified: _modified,
        e.Transmitted: _transmitted,
        e.Trailed: _trailed,
        e.Triggered: _triggered,
        e.Reduced: _reduced,
        e.Working: _working,
        e.Held: _held,
        e.Refused: _refused,
        e.Executed: _executed,
        e.Corrected: _corrected,
        e.CommissionReported: _commission_reported,
        e.CancelAsked: _cancel_asked,
        e.Cancelled: _cancelled,
        e.CashSet: _cash_set,
        e.PositionSet: _position_set,
        e.Restarted: _restarted,
        e.Midnight: _midnight,
        e.Split: _split,
        e.Renamed: _renamed,
        e.Listed: _listed,
    }


def split(position: Position, new: Decimal, old: Decimal) -> Position:
    """A position after a split: what it cost in all stays the same, and fractions of a share may be left."""
    return replace(position, quantity=position.quantity * new / old, avg_cost=position.avg_cost * old / new)


def commission(shares: Decimal) -> Decimal:
    """IB's fixed tariff for US stocks on all shares of an order, in USD."""
    return max(COMMISSION_MIN, shares * COMMISSION_PER_SHARE) if shares else ZERO


def trade(position: Position, signed: Decimal, price: Decimal, fee: Decimal) -> Position:
    """A position after ``signed`` shares (negative when sold) at ``price`` with ``fee`` in all.

    Shares that close give a result against the average cost; shares that open carry their part of the fee in it.
    """
    held = position.quantity
    closed = min(abs(signed), abs(held)) if held * signed < 0 else ZERO
    opened = abs(signed) - closed
    part = fee * closed / abs(signed) if signed else ZERO
    side = 1 if held > 0 else -1
    realised = side * closed * (price - position.avg_cost) - part if closed else ZERO
    quantity = held + signed
    if not quantity:
        avg_cost = ZERO
    elif not opened:
        avg_cost = position.avg_cost
    else:
        direction = 1 if signed > 0 else -1
        kept = abs(held) - closed
        cost = kept * position.avg_cost + opened * price + direction * (fee - part)
        avg_cost = cost / (kept + opened)
    return replace(position, quantity=quantity, avg_cost=avg_cost, realised=position.realised + realised)
