"""What SELL orders at IB may still sell of a position."""

from dataclasses import replace
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import OrderReport, OrderState
from tradebot.domain.working_sells import working_sells

AAPL = 265598
SELL = OrderReport(
    order_ref="",
    order_id=11,
    perm_id=7001,
    client_id=0,
    con_id=AAPL,
    ticker="AAPL",
    side=Side.SELL,
    qty=Decimal(10),
    filled=Decimal(0),
    state=OrderState.WORKING,
    ib_status="Submitted",
)


def qty(*orders: OrderReport) -> Decimal:
    return working_sells(orders, AAPL).qty


def test_orders_that_know_nothing_of_each_other_add_up() -> None:
    """Two SELLs would pass for one, and the bot's own beside them go short."""
    other = replace(SELL, perm_id=7002, order_id=12, qty=Decimal(4), filled=Decimal(1))
    assert qty(SELL, other) == 13
    assert [order.perm_id for order in working_sells([SELL, other], AAPL).orders] == [7001, 7002]


def test_of_an_oca_group_the_largest_counts() -> None:
    """A stop and a target of the same shares would block the exit of twice as many."""
    stop = replace(SELL, oca_group="exit")
    target = replace(stop, perm_id=7002, order_id=12, qty=Decimal(8))
    assert qty(stop, target) == 10
    assert qty(target, stop) == 10
    assert [order.perm_id for order in working_sells([target, stop], AAPL).orders] == [7001]
    assert qty(stop, replace(target, client_id=5)) == 18  # the same name, given by another client


def test_children_count_up_to_what_their_parent_has_bought() -> None:
    """The stop of an entry that has not filled would block the exit of shares that it will never sell."""
    parent = replace(SELL, side=Side.BUY, order_id=10, perm_id=7000, filled=Decimal(3))
    stop = replace(SELL, parent_id=10)
    target = replace(stop, perm_id=7002, order_id=12)
    assert qty(parent, stop, target) == 3
    assert qty(replace(parent, filled=Decimal(0)), stop, target) == 0
    assert qty(stop, target) == 10  # the parent is over: its shares are here


def test_buys_and_other_contracts_sell_nothing() -> None:
    """An order of another stock would block an exit."""
    assert qty(replace(SELL, side=Side.BUY), replace(SELL, con_id=1)) == 0
