"""What an exit has left for its next order, in shares of today."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tradebot.domain.alerts import Side
from tradebot.domain.exit_ends import Follow, Told, contract_now, left_unfilled, what_follows
from tradebot.domain.facts.account import ExitLeft
from tradebot.domain.facts.orders import CancelReason
from tradebot.domain.lots import CorporateAction
from tradebot.domain.trades import NewTrade, Trade, TradeStatus

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
D = Decimal
OLD, NEW, OTHER = 1, 2, 3


def order(number: int, qty: int, filled: int, con_id: int = OLD) -> Trade:
    new = NewTrade(
        alert_id=1,
        ticker="AAPL",
        con_id=con_id,
        side=Side.SELL,
        requested_qty=D(qty),
        order_ref=f"tb-1-{number}",
        ib_position_before=D(qty),
        reserved=D(0),
        decision={},
        created_at=NOON,
    )
    return replace(Trade.of(new, id=number), filled_qty=D(filled), status=TradeStatus.PARTIAL)


def split(after: int, new: int, old: int, con_id: int = OLD, new_con_id: int = OLD) -> CorporateAction:
    return CorporateAction(NOON, "AAPL", con_id, new_con_id, new, old, D(9), D(9), after, "owner")


def test_what_is_left_is_counted_in_new_shares() -> None:
    """The next order would sell the number of before, or count what was sold before the split against new shares."""
    first, second = order(5, 5, 2), order(7, 30, 12)
    assert left_unfilled([first]) == 3
    assert left_unfilled([first], [split(6, 10, 1)]) == 30
    assert left_unfilled([first, second], [split(6, 10, 1)]) == 18
    assert left_unfilled([first], [split(4, 10, 1)]) == 3, "it came before the order"
    assert left_unfilled([first], [split(6, 10, 1, con_id=OTHER)]) == 3, "it was another contract's"
    assert left_unfilled([first], [split(5, 1, 3)]) == 1, "no digit is lost by thirds"


def test_shares_are_followed_to_their_new_contract() -> None:
    """An exit would look for shares of a contract that is gone, and be forgotten."""
    actions = [split(6, 1, 3, OLD, NEW), split(6, 2, 1, NEW, OTHER)]
    assert contract_now(order(5, 5, 2), actions) == OTHER
    assert left_unfilled([order(5, 5, 2)], actions) == 2
    assert contract_now(order(7, 5, 2), actions) == OLD


@pytest.mark.parametrize(
    ("cancelled_for", "follows"),
    [
        (CancelReason.OWNER, ExitLeft.CANCELLED),
        (CancelReason.KILLED, ExitLeft.KILLED),
        (CancelReason.SESSION_OVER, Follow.NEXT_OPEN),
        (CancelReason.INACTIVE, ExitLeft.STOPPED),
    ],
)
def test_what_follows_a_cancel_of_the_bot_depends_on_who_wanted_it(
    cancelled_for: CancelReason, follows: Follow | ExitLeft
) -> None:
    """An exit that a person ended would be sent again, or be told as an order that IB did not work on."""
    assert what_follows([Told(202, "Order Canceled - reason:")], cancelled_for, cut_off=True) is follows
