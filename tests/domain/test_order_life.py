"""How long an order may work: the end that IB sets to what is good till cancelled."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.clockwork import new_york
from tradebot.domain.alerts import Side
from tradebot.domain.calendar import Calendar
from tradebot.domain.order_life import expires_on
from tradebot.domain.terms import OrderType, TimeInForce
from tradebot.domain.trades import NewTrade, Trade


def order(placed: datetime, tif: TimeInForce = TimeInForce.GTC) -> Trade:
    qty, none = Decimal(5), Decimal(0)
    new = NewTrade(
        7, "AAPL", 265598, Side.BUY, qty, "tb-7-1", none, none, placed, order_type=OrderType.LIMIT, tif=tif, decision={}
    )
    return Trade.of(new, id=1)


@pytest.mark.parametrize(
    ("placed", "last"),
    [
        (new_york(2026, 7, 1, 12), date(2026, 12, 31)),
        (new_york(2026, 9, 30, 15, 59), date(2026, 12, 31)),
        (new_york(2026, 10, 1, 9, 30), date(2027, 3, 31)),
        (new_york(2026, 11, 20, 12), date(2027, 3, 31)),
        (new_york(2027, 1, 4, 12), date(2027, 6, 30)),
        (new_york(2028, 9, 1, 12), date(2028, 12, 29)),  # the 31st is a Sunday
    ],
)
def test_ib_ends_it_with_the_quarter_after_the_one_it_was_placed_in(placed: datetime, last: date) -> None:
    """The owner would be told a quarter early or late, or of a day without a session."""
    assert expires_on(order(placed), Calendar()) == last


def test_what_ends_earlier_has_no_such_end() -> None:
    """An order for the day would be told as one that ends in months."""
    assert expires_on(order(new_york(2026, 7, 1, 12), TimeInForce.DAY), Calendar()) is None
