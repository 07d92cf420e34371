"""The tables of an order's and an alert's life, and what executions and IB's word make of an order."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from tradebot.domain.alerts import UNDECIDED, WAITING, AlertStatus, Side
from tradebot.domain.brokerage import OrderState
from tradebot.domain.orders import ALERT_OF_TRADE, ALERT_STEPS, TRADE_STEPS, moved_by, next_status, sources_of, step
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.errors import IllegalTransition

WORKING, FILLED, CANCELLED, INACTIVE = OrderState
T = TradeStatus
A = AlertStatus


def a_trade(status: TradeStatus, **changes: Any) -> Trade:
    fields: dict[str, Any] = {
        "alert_id": 1,
        "ticker": "AAPL",
        "con_id": 265598,
        "side": Side.BUY,
        "requested_qty": Decimal(10),
        "order_ref": "tb-1-0badcafe",
        "ib_position_before": Decimal(0),
        "reserved": Decimal(0),
        "created_at": datetime(2026, 11, 20, 17, tzinfo=UTC),
        "status": status,
    }
    return Trade(**{**fields, **changes})


def test_every_status_has_a_row() -> None:
    """A status without a row would end the program when it is met."""
    assert set(TRADE_STEPS) == set(TradeStatus)
    assert set(ALERT_STEPS) == set(AlertStatus)
    assert set(ALERT_OF_TRADE) == set(TradeStatus)


@pytest.mark.parametrize(("source", "to"), list(product(TradeStatus, TradeStatus)))
def test_steps_are_those_of_the_table(source: TradeStatus, to: TradeStatus) -> None:
    """An order could go where it must not, or the error would not say from where to where."""
    trade = a_trade(source)
    if to is source or to in TRADE_STEPS[source]:
        assert step(trade, to) is to
    else:
        with pytest.raises(IllegalTransition, match=rf"tb-1-0badcafe cannot go from {source} to {to}"):
            step(trade, to)


@pytest.mark.parametrize(("source", "to"), [(a, b) for a, targets in TRADE_STEPS.items() for b in sorted(targets)])
def test_the_alert_can_follow_its_order(source: TradeStatus, to: TradeStatus) -> None:
    """An alert would stay behind its order, because the tables do not fit together."""
    before, after = ALERT_OF_TRADE[source], ALERT_OF_TRADE[to]
    assert after is before or after in ALERT_STEPS[before]


def test_nothing_ever_returns_to_submitting() -> None:
    """An order could be taken for one that has not been sent, and be sent again."""
    assert not [status for status, targets in TRADE_STEPS.items() if T.SUBMITTING in targets]


def test_sources_are_the_table_read_backwards() -> None:
    """The compare-and-set would let an alert go where the table has no way."""
    for to in AlertStatus:
        assert set(sources_of(to)) == {source for source in AlertStatus if to in ALERT_STEPS[source]}


def test_named_states_may_go_where_they_are_sent() -> None:
    """An alert would be ended out of a state from which the table has no way, or one with an order be ended without it."""
    assert all({A.PENDING, A.BLOCKED, A.FAILED, A.PROCESSING} <= ALERT_STEPS[status] for status in UNDECIDED)
    assert all({A.BLOCKED, A.EXPIRED, A.CLEARED} <= ALERT_STEPS[status] for status in WAITING)
    assert not set(WAITING) & set(ALERT_OF_TRADE.values())


CASES = [
    # status, filled, IB's state, IB's filled, refused → status
    (T.SUBMITTING, 0, None, None, False, T.SUBMITTING),  # an error that says nothing
    (T.SUBMITTING, 0, None, None, True, T.SUBMITTING),  # a rejection alone ends nothing
    (T.SUBMITTING, 0, WORKING, 0, False, T.SUBMITTED),
    (T.SUBMITTING, 3, None, None, False, T.SUBMITTED),
    (T.SUBMITTING, 10, None, None, False, T.FILLED),  # no status at all
    (T.SUBMITTED, 10, WORKING, 4, False, T.FILLED),  # executions overtake the status
    (T.SUBMITTED, 11, None, None, False, T.FILLED),
    (T.SUBMITTED, 0, FILLED, 10, False, T.SUBMITTED),  # the status overtakes the executions
    (T.SUBMITTED, 3, WORKING, 3, False, T.SUBMITTED),
    (T.SUBMITTED, 0, CANCELLED, 0, False, T.CANCELLED),
    (T.SUBMITTED, 0, CANCELLED, None, False, T.CANCELLED),
    (T.SUBMITTED, 4, CANCELLED, 4, False, T.PARTIAL),
    (T.SUBMITTED, 2, CANCELLED, 4, False, T.SUBMITTED),  # two shares are still to be told
    (T.SUBMITTED, 0, CANCELLED, 0, True, T.FAILED),
    (T.SUBMITTED, 2, CANCELLED, 2, True, T.PARTIAL),
    (T.SUBMITTED, 0, INACTIVE, 0, False, T.SUBMITTED),  # rejected, or held: a second look
    (T.SUBMITTED, 0, INACTIVE, 0, True, T.FAILED),
    (T.UNKNOWN, 0, None, None, False, T.UNKNOWN),
    (T.UNKNOWN, 0, FILLED, 10, False, T.UNKNOWN),  # it filled, and no execution says at what price
    (T.UNKNOWN, 0, CANCELLED, 4, False, T.UNKNOWN),
    (T.UNKNOWN, 0, CANCELLED, 0, False, T.CANCELLED),
    (T.UNKNOWN, 0, WORKING, 0, False, T.SUBMITTED),
    (T.UNKNOWN, 0, INACTIVE, 0, False, T.SUBMITTED),
    (T.UNKNOWN, 3, None, None, False, T.SUBMITTED),  # a fill that is new
    (T.UNKNOWN, 10, None, None, False, T.FILLED),
    (T.CANCELLED, 0, WORKING, 0, False, T.CANCELLED),  # an old word
    (T.CANCELLED, 4, None, None, False, T.PARTIAL),
    (T.CANCELLED, 10, None, None, False, T.FILLED),
    (T.CANCELLED, 0, FILLED, 10, False, T.SUBMITTED),  # it filled after all; the executions are still to be told
    (T.CANCELLED, 0, CANCELLED, 4, False, T.SUBMITTED),
    (T.FAILED, 0, WORKING, 0, False, T.SUBMITTED),  # was taken for never sent
    (T.FAILED, 0, CANCELLED, 0, False, T.FAILED),
    (T.FAILED, 2, None, None, False, T.PARTIAL),
    (T.FAILED, 10, None, None, False, T.FILLED),
    (T.PARTIAL, 4, WORKING, 4, False, T.PARTIAL),
    (T.PARTIAL, 10, None, None, False, T.FILLED),
    (T.FILLED, 10, CANCELLED, 10, False, T.FILLED),
    (T.FILLED, 9, None, None, False, T.PARTIAL),  # a correction took a share away
]


@pytest.mark.parametrize(("status", "filled", "state", "told", "refused", "expected"), CASES)
def test_next_status(
    status: TradeStatus, filled: int, state: OrderState | None, told: int | None, refused: bool, expected: TradeStatus
) -> None:
    """Executions and IB's word would be misread, and an order called done, dead or alive that is not."""
    told_filled = None if told is None else Decimal(told)
    assert next_status(a_trade(status), Decimal(filled), state, told_filled, refused=refused) is expected


def test_a_rejected_order_that_ib_has_shown_stays_dead() -> None:
    """A status that IB repeats late would bring a rejected order to life."""
    seen = a_trade(T.FAILED, perm_id=9)
    assert next_status(seen, Decimal(0), WORKING, Decimal(0), refused=True) is T.FAILED


def test_an_unknown_order_stays_so_when_its_old_fills_are_told_again() -> None:
    """Every question would make it known for a moment, and the owner be told each time."""
    unknown = a_trade(T.UNKNOWN, filled_qty=Decimal(3))
    assert next_status(unknown, Decimal(3), None, None, refused=False) is T.UNKNOWN
    assert next_status(unknown, Decimal(4), None, None, refused=False) is T.SUBMITTED


@pytest.mark.parametrize("status", TradeStatus)
def test_no_news_ask_for_an_illegal_step(status: TradeStatus) -> None:
    """Some combination of news would end the program, and do so again after each restart."""
    update = product((0, 4, 10, 12), (None, *OrderState), (None, 0, 4, 10), (True, False), (None, 9))
    for filled, state, told, refused, perm_id in update:
        trade = a_trade(status, perm_id=perm_id)
        told_filled = None if told is None else Decimal(told)
        after = next_status(trade, Decimal(filled), state, told_filled, refused=refused)
        assert step(trade, after) is after
        assert (after is T.FILLED) == (filled >= 10 or (status is T.FILLED and filled == 0))
        assert filled == 0 or after not in (T.CANCELLED, T.FAILED, T.SUBMITTING)


SELL = {"side": Side.SELL}
PART = {"side": Side.SELL, "filled_qty": Decimal(4)}
MOVED = [
    # this order, another one of its alert (None: there is none), the alert as it stands → whether it is moved
    (a_trade(T.SUBMITTED), None, A.PROCESSING, True),
    (a_trade(T.FAILED), None, A.PROCESSING, True),
    (a_trade(T.FAILED), None, A.RECEIVED, False),  # judged again: late words about what did not leave
    (a_trade(T.CANCELLED, **SELL), None, A.PENDING, False),  # armed again
    (a_trade(T.SUBMITTED), None, A.RECEIVED, True),  # alive after all
    (a_trade(T.SUBMITTED), None, A.BLOCKED, True),
    (a_trade(T.FILLED), None, A.RECEIVED, True),
    (
        a_trade(T.PARTIAL, filled_qty=Decimal(4)),
        None,
        A.RECEIVED,
        True,
    ),  # an entry has its position: never a second one
    (a_trade(T.PARTIAL, **PART), None, A.RECEIVED, False),  # an exit goes on with what is left
    (a_trade(T.PARTIAL, **PART), None, A.FAILED, True),
    (a_trade(T.CANCELLED, **SELL), a_trade(T.SUBMITTED, id=2), A.PROCESSING, False),
    (a_trade(T.FILLED, **SELL), a_trade(T.SUBMITTING, id=2), A.PROCESSING, False),
    (a_trade(T.CANCELLED, **SELL), a_trade(T.UNKNOWN, id=2), A.UNKNOWN, False),
    (a_trade(T.SUBMITTED, **SELL), a_trade(T.SUBMITTED, id=2), A.EXECUTED, False),
    (a_trade(T.SUBMITTED, **SELL), a_trade(T.FAILED, id=2), A.RECEIVED, True),
    (a_trade(T.CANCELLED, **SELL), a_trade(T.FILLED, id=2), A.EXECUTED, False),
    (a_trade(T.FILLED, **SELL), a_trade(T.FILLED, id=2), A.EXECUTED, False),  # and keeps what its newer order says
    (
        a_trade(T.CANCELLED, **SELL),
        a_trade(T.FAILED, id=2),
        A.PROCESSING,
        True,
    ),  # it was alive beside one that did not leave
    (a_trade(T.CANCELLED, **SELL), a_trade(T.FAILED, id=2), A.BLOCKED, False),
    (a_trade(T.FAILED, id=2), a_trade(T.SUBMITTED, id=1), A.PROCESSING, False),
]


@pytest.mark.parametrize(("trade", "other", "alert", "expected"), MOVED)
def test_whose_news_move_an_alert(trade: Trade, other: Trade | None, alert: A, expected: bool) -> None:
    """An older order's late news would take an alert from the order that is alive, or have it bought or sold twice."""
    assert (alert in moved_by(trade, [other] if other else [])) is expected


@pytest.mark.parametrize("status", TradeStatus)
def test_one_order_moves_its_alert_by_the_table(status: TradeStatus) -> None:
    """An alert with a single order would not follow it any more."""
    to = ALERT_OF_TRADE[status]
    assert set(moved_by(a_trade(status), [])) <= {to, *sources_of(to)}
    assert {A.PROCESSING, A.UNKNOWN, A.FAILED} & {to, *sources_of(to)} <= set(moved_by(a_trade(status), []))
