"""The life of a trade and of its alert, as tables; and what executions and the broker's word make of an order.

Rules:
- Executions are the truth: an order is filled when its executions say so (IBKR: orderStatus may never come).
- Only IB's own word ends an order, never an error message alone; and not while IB says that more filled than was booked.
- The end is not sacred: a fill after the cancel is legal, and an order thought dead that shows up alive is alive.
- What was UNKNOWN stays so until IB shows the order at work, its end, or a fill that is new.
- An alert may have several orders, one after the other and never two alive: one that certainly did not leave is judged
  again, and an exit that ended with shares left may be armed again. What an older one tells late never moves an alert that
  a newer one has.
"""

from collections.abc import Sequence
from decimal import Decimal

from tradebot.domain.alerts import WAITING, AlertStatus
from tradebot.domain.brokerage import OrderState
from tradebot.domain.trades import UNRESOLVED, OrderRole, Trade, TradeStatus
from tradebot.errors import IllegalTransition

_T = TradeStatus
_A = AlertStatus

TRADE_STEPS: dict[TradeStatus, frozenset[TradeStatus]] = {
    _T.SUBMITTING: frozenset({_T.SUBMITTED, _T.FILLED, _T.PARTIAL, _T.CANCELLED, _T.FAILED, _T.UNKNOWN}),
    _T.SUBMITTED: frozenset({_T.FILLED, _T.PARTIAL, _T.CANCELLED, _T.FAILED, _T.UNKNOWN}),
    _T.UNKNOWN: frozenset({_T.SUBMITTED, _T.FILLED, _T.PARTIAL, _T.CANCELLED, _T.FAILED}),
    _T.PARTIAL: frozenset({_T.FILLED}),
    _T.CANCELLED: frozenset({_T.SUBMITTED, _T.PARTIAL, _T.FILLED}),
    _T.FAILED: frozenset({_T.SUBMITTED, _T.PARTIAL, _T.FILLED}),
    _T.FILLED: frozenset({_T.PARTIAL}),  # a correction took shares away
}

_CAME_TO_LIFE = frozenset({_A.PROCESSING, _A.EXECUTED})
"""IB shows an order of the alert alive, or filled, after all: the end, or the way back to RECEIVED, was a mistake."""
_ARMED_AGAIN = frozenset({_A.RECEIVED, _A.PENDING})
"""Exits only: their order ended with shares left. PENDING: the market has closed meanwhile."""

ALERT_STEPS: dict[AlertStatus, frozenset[AlertStatus]] = {
    _A.RECEIVED: frozenset({_A.PENDING, _A.BLOCKED, _A.FAILED, _A.EXPIRED, _A.CLEARED}) | _CAME_TO_LIFE,
    _A.PENDING: frozenset({_A.RECEIVED, _A.BLOCKED, _A.EXPIRED, _A.CLEARED}) | _CAME_TO_LIFE,
    _A.PROCESSING: frozenset({_A.EXECUTED, _A.FAILED, _A.UNKNOWN, _A.RECEIVED}),  # RECEIVED: to be judged again
    _A.UNKNOWN: frozenset({_A.PROCESSING, _A.EXECUTED, _A.FAILED}),
    _A.FAILED: _CAME_TO_LIFE | _ARMED_AGAIN,
    _A.EXECUTED: _ARMED_AGAIN,
    _A.BLOCKED: _CAME_TO_LIFE,
    _A.EXPIRED: _CAME_TO_LIFE,
    _A.CLEARED: _CAME_TO_LIFE,
    _A.REJECTED: frozenset(),
}

ALERT_OF_TRADE: dict[TradeStatus, AlertStatus] = {
    _T.SUBMITTING: _A.PROCESSING,
    _T.SUBMITTED: _A.PROCESSING,
    _T.UNKNOWN: _A.UNKNOWN,
    _T.FILLED: _A.EXECUTED,
    _T.PARTIAL: _A.EXECUTED,
    _T.CANCELLED: _A.FAILED,
    _T.FAILED: _A.FAILED,
}

ENDED = frozenset({_T.FILLED, _T.PARTIAL, _T.CANCELLED, _T.FAILED})


def sources_of(to: AlertStatus) -> tuple[AlertStatus, ...]:
    """The states from which an alert may move to `to`: the compare side of the compare-and-set."""
    return tuple(source for source, targets in ALERT_STEPS.items() if to in targets)


def moved_by(trade: Trade, others: Sequence[Trade]) -> tuple[AlertStatus, ...]:
    """The states out of which news of this order moves its alert to where the order stands. `others`: the alert's other orders.

    The one that is alive has the alert. When none is, one that has ended moves an alert that waits for its next order
    only by having filled all that the alert is for; and beside a newer order, an unfilled one moves only an alert that
    is still in its hands.
    """
    to = ALERT_OF_TRADE[trade.status]
    newer = [other for other in others if other.id > trade.id]
    if trade.status in UNRESOLVED:
        return () if any(other.status in UNRESOLVED for other in newer) else (to, *sources_of(to))
    if any(other.status in UNRESOLVED for other in others):
        return ()
    sources = {*sources_of(to)} if newer else {to, *sources_of(to)}
    if not (trade.status is _T.FILLED or (trade.filled_qty and trade.role is OrderRole.ENTRY)):
        sources -= {*WAITING}
    if newer and to is _A.FAILED:
        sources &= {_A.PROCESSING, _A.UNKNOWN}
    return tuple(sources)


def step(trade: Trade, to: TradeStatus) -> TradeStatus:
    """The trade's next status. Raises IllegalTransition naming both ends; staying is always allowed."""
    if to is not trade.status and to not in TRADE_STEPS[trade.status]:
        raise IllegalTransition(f"order {trade.order_ref} cannot go from {trade.status} to {to}")
    return to


def next_status(
    trade: Trade,
    filled: Decimal,
    state: OrderState | None,
    reported_filled: Decimal | None,
    *,
    refused: bool,
    may_live: bool = False,
) -> TradeStatus:
    """The status that booked executions and IB's latest word give.

    `filled`: shares booked from executions. `state`: what IB just reported of the order, None when it reported nothing.
    `reported_filled`: the shares that IB reports as filled. `refused`: IB answered with a rejection (error 201 and its like).
    `may_live`: it was taken for refused by words that are a refusal or none.
    """
    if filled >= trade.requested_qty:
        return _T.FILLED
    if trade.status in ENDED:
        return _after_the_end(trade, filled, state, reported_filled, may_live=may_live)
    ended = state is OrderState.CANCELLED or (state is OrderState.INACTIVE and refused)
    if ended and (reported_filled is None or reported_filled <= filled):
        if filled > 0:
            return _T.PARTIAL
        return _T.FAILED if refused else _T.CANCELLED
    if trade.status is _T.UNKNOWN:
        alive = state in (OrderState.WORKING, OrderState.INACTIVE) or filled > trade.filled_qty
    else:
        alive = state is not None or filled > 0
    return _T.SUBMITTED if alive else trade.status


def _after_the_end(
    trade: Trade, filled: Decimal, state: OrderState | None, reported_filled: Decimal | None, *, may_live: bool
) -> TradeStatus:
    may_live |= trade.status is _T.FAILED and trade.perm_id is None  # never seen
    # Fills only grow, so this is never an old word; "working" may be, once IB has shown the order.
    more_filled = state is OrderState.FILLED or (reported_filled is not None and reported_filled > filled)
    if trade.status in (_T.CANCELLED, _T.FAILED) and (more_filled or (may_live and state is OrderState.WORKING)):
        return _T.SUBMITTED
    if filled > 0:
        return _T.PARTIAL
    return trade.status
