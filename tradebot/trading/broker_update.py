"""What the broker reported of one order since it was last booked, and what follows from it alone. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tradebot.domain.brokerage import (
    ErrorKind,
    Executed,
    Execution,
    OrderError,
    OrderReport,
    OrderState,
    OrderUpdate,
)
from tradebot.domain.reasons import Reason
from tradebot.domain.trades import Trade, TradeStatus

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


_REFUSALS = frozenset({ErrorKind.REJECTED, ErrorKind.READ_ONLY})
_LOCATE = "locate"  # IB's word for why an order is held


class Objections:
    """Errors that are a refusal or only a word about an order that lives (IB's codes do not tell), until the order's end.

    A code that stands for refusals only is believed by itself. Any other one is the reason while IB has not shown the order, or
    shows it Inactive; an order that works has none, and lives on though it was taken for refused. No error ends an order. After a
    restart nothing is known, and IB is asked.
    """

    def __init__(self) -> None:
        self._words: dict[str, str] = {}  # order ref → IB's last such words
        self._inactive: set[str] = set()  # order refs that IB last showed Inactive

    def refusal(self, before: Trade, update: BrokerUpdate) -> Reason | str | None:
        """What IB said last of why it does not take the order."""
        ref, seen = before.order_ref, update.seen
        refusal = (
            None if before.error_message == self._words.get(ref) or _works_on(before, seen) else before.error_message
        )
        for error in update.errors:
            if error.kind in _REFUSALS:
                refusal = ibs_words(error)
            elif error.kind is ErrorKind.UNCERTAIN:
                self._words[ref] = ibs_words(error)
        if seen is not None and seen.state is OrderState.INACTIVE and seen.detail != _LOCATE:
            self._inactive.add(ref)
        elif seen is not None and seen.state is not OrderState.CANCELLED:
            self._inactive.discard(ref)
        unseen = seen is None and before.perm_id is None
        return refusal or (self._words.get(ref) if ref in self._inactive or unseen else None)

    def may_live(self, trade: Trade) -> bool:
        """Whether it was taken for refused by such words: it lives if IB shows it at work all the same."""
        return trade.status is TradeStatus.FAILED and trade.error_message == self._words.get(trade.order_ref, "")

    def ended(self, trade: Trade) -> None:
        self._inactive.discard(trade.order_ref)
        if not self.may_live(trade):
            self._words.pop(trade.order_ref, None)


def _works_on(before: Trade, seen: OrderReport | None) -> bool:
    """What was refused was a change of it, and not the order."""
    works = seen is not None and seen.state is OrderState.WORKING
    return works and before.is_protective and before.status is TradeStatus.SUBMITTED


def ibs_words(error: OrderError) -> str:
    """As they are stored with the order."""
    return f"IB {error.code}: {error.text}"


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
