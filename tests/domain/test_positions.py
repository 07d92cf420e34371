"""What IB's position says of an order, while others of its contract fill around the moment at which it was decided."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution
from tradebot.domain.positions import nothing_else_filled
from tradebot.domain.trades import Trade

D = Decimal
DECIDED = datetime(2026, 11, 20, 17, 0, 0, 500_000, tzinfo=UTC)
BUY, SELL = Side.BUY, Side.SELL


def fill(shares: int, seconds: float, order_ref: str = "tb-2-other") -> Execution:
    """Of so many shares, negative ones sold, so long after the decision."""
    side = BUY if shares > 0 else SELL
    at = DECIDED + timedelta(seconds=seconds)
    return Execution(f"{order_ref}{seconds}.01", order_ref, 1, 1, 1, "AAPL", side, D(abs(shares)), D(100), at)


def order(side: Side, before: int | None, filled: int = 0) -> Trade:
    """For five shares."""
    return Trade(
        alert_id=1,
        ticker="AAPL",
        con_id=1,
        side=side,
        requested_qty=D(5),
        order_ref="tb-1-own",
        ib_position_before=None if before is None else D(before),
        reserved=D(0),
        created_at=DECIDED,
        id=1,
        filled_qty=D(filled),
    )


@pytest.mark.parametrize(
    ("one", "now", "fills", "explained"),
    [
        (order(SELL, 10), 10, [], True),
        (order(SELL, 10), 5, [], False),
        (order(SELL, None), 10, [], False),
        (order(BUY, 0), 7, [fill(7, 30)], True),  # another strategy's entry afterwards
        (order(BUY, 0), 7, [fill(7, -30)], False),  # long before: the position had it already
        (order(BUY, 0), 7, [fill(7, -2)], True),  # the position trailed it: what is there is that entry's
        (order(BUY, 7), 7, [fill(7, -2)], True),  # or did not: a BUY cannot have taken shares away
        (order(SELL, 10), 10, [fill(5, -2)], False),  # trailed, and five were sold; or neither: it is not known
        (order(SELL, 10), 15, [fill(5, -2)], True),
        (order(BUY, 0), 3, [fill(3, 0.5)], True),
        (order(BUY, 0), 3, [fill(3, -0.5)], False),  # IB's times are whole seconds: it may have come before or after
        (order(BUY, 0), 0, [fill(-3, -2)], True),  # it cannot be that three were sold which were not there
        (order(SELL, 10, filled=2), 8, [fill(-2, 0.2, "tb-1-own")], True),  # its own never came before it
        (order(SELL, 10, filled=2), 6, [fill(-2, 0.2, "tb-1-own")], False),
        (order(SELL, 10), 7, [fill(-5, 30), fill(2, 40)], True),
    ],
)
def test_a_position_is_explained_by_every_reading_or_not_at_all(
    one: Trade, now: int, fills: list[Execution], explained: bool
) -> None:
    """An order that filled unseen beside another strategy's would be called not sent, and its shares be lost to the books."""
    assert nothing_else_filled(one, D(now), fills) is explained


def test_a_corrected_fill_counts_once() -> None:
    """A correction of another order's fill would be taken for one more fill."""
    first = fill(7, 30)
    corrected = Execution(f"{first.root}.02", first.order_ref, 1, 1, 1, "AAPL", BUY, D(6), D(100), first.time)
    assert nothing_else_filled(order(BUY, 0), D(6), [first, corrected])


def test_a_position_that_the_books_explain_lacked_nothing() -> None:
    """An exit right after its entry would stay in doubt for ever, for the entry's fill could have been missing."""
    just_bought = [fill(5, -2)]
    assert not nothing_else_filled(order(SELL, 10), D(10), just_bought)
    assert nothing_else_filled(order(SELL, 10), D(10), just_bought, whole=True)
    assert not nothing_else_filled(order(SELL, 10), D(5), just_bought, whole=True)


def test_what_was_decided_with_it_came_after_it() -> None:
    """A stop that IB refuses would stay in doubt, and its shares without one: its entry fills within the second, rounded down."""
    of_its_entry = [fill(10, -0.2)]
    entry = of_its_entry[0].order_ref
    assert not nothing_else_filled(order(SELL, 0), D(10), of_its_entry, whole=True)
    assert nothing_else_filled(order(SELL, 0), D(10), of_its_entry, since={entry}, whole=True)
    assert not nothing_else_filled(order(SELL, 0), D(6), of_its_entry, since={entry}, whole=True)
