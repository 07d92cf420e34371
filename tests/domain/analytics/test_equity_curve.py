"""What the account earned, apart from what was paid in; and how far it fell."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.analytics.samples import MONDAY, equity, sessions
from tradebot.domain.analytics import drawdown, equity_curve
from tradebot.domain.analytics.equity_curve import days_between, equity_days, money_weighted
from tradebot.domain.equity import Equity


def test_a_deposit_is_no_gain() -> None:
    """Who pays in $50,000 would be told that he had earned them, and who takes them out that he had lost half of all."""
    one, two, three, four = sessions(4)
    days = equity_days(
        [
            equity(one, "100000", unrealised="500", realised_today="0"),
            equity(two, "101000", unrealised="1000", realised_today="500"),  # all of it P&L: 1 %
            equity(three, "151000", unrealised="1000", realised_today="0"),  # paid in
            equity(four, "152510", unrealised="2510", realised_today="0"),  # 1 %
        ]
    )
    assert [day.flow for day in days] == [0, 0, 50_000, 0]
    assert [day.earned for day in days] == [None, pytest.approx(0.01), pytest.approx(0.0), pytest.approx(0.01)]
    assert days[-1].index == pytest.approx(1.0201)


def test_dividends_and_fees_are_a_gain_and_a_loss() -> None:
    """A dividend would be taken for a deposit, and the account seem to have earned nothing."""
    one, two = sessions(2)
    known = {"unrealised": "0", "realised_today": "0"}
    days = equity_days([equity(one, "100000", **known), equity(two, "100300", **known)])
    assert (days[1].flow, days[1].earned) == (0, pytest.approx(0.003))


def test_ib_may_count_realised_anew_at_any_hour() -> None:
    """The morning on which IB still shows the P&L of the day before would seem to bring a deposit."""
    one, two = sessions(2)
    close = equity(one, "100000", unrealised="0", realised_today="5000")
    late = equity(two, "100000", unrealised="0", realised_today="5000")  # not yet counted anew
    anew = Equity("DU1", late.at + timedelta(minutes=15), Decimal(100_000), None, Decimal(0), Decimal(0))
    assert [day.flow for day in equity_days([close, late, anew])] == [0, 0]


def test_without_ibs_pnl_every_change_is_a_gain() -> None:
    """A figure would be made up where IB tells none."""
    one, two = sessions(2)
    assert [day.earned for day in equity_days([equity(one, "100"), equity(two, "110")])] == [None, pytest.approx(0.1)]


def test_a_period_begins_with_the_day_before_it() -> None:
    """The first day of each month would earn nothing."""
    days = equity_days([equity(day, str(100 + number)) for number, day in enumerate(sessions(5))])
    within = days_between(days, days[2].day, days[3].day)
    assert [one.day for one in within] == [days[1].day, days[2].day, days[3].day]
    assert (within[0].index, within[0].earned) == (1.0, None)
    assert within[-1].index == pytest.approx(103 / 101)


def test_money_that_came_at_a_bad_time_earns_less() -> None:
    """Time-weighted and money-weighted return would be the same, and one of them wrong."""
    one, two, three = sessions(3)
    known = {"realised_today": "0"}
    days = equity_days(
        [
            equity(one, "1000", unrealised="0", **known),
            equity(two, "1100", unrealised="100", **known),  # +10 %
            equity(three, "3000", unrealised="0", **known),  # paid in 2,000, and −100: of it all −9.1 %
        ]
    )
    weighted = money_weighted(days)
    assert weighted is not None
    assert days[2].flow == 2000
    assert equity_curve.returns(days) == [pytest.approx(0.1), pytest.approx(-100 / 1100)]
    assert days[-1].index == pytest.approx(1.0)
    assert weighted == pytest.approx(0.0, abs=1e-6)


@given(st.floats(-0.5, 2.0), st.integers(2, 2000))
def test_a_single_payment_has_the_rate_it_grew_by(rate: float, days: int) -> None:
    """The internal rate would not be the one at which the payments become what is there."""
    end = MONDAY + timedelta(days=days)
    worth = 1000 * (1 + rate) ** (days / equity_curve.YEAR_DAYS)
    assert equity_curve.internal_rate([(MONDAY, 1000.0)], end, worth) == pytest.approx(rate, abs=1e-6)


def test_no_rate_is_no_figure() -> None:
    """An account that was emptied, or that grew a million times, would be told a rate."""
    assert equity_curve.internal_rate([(MONDAY, 1000.0)], MONDAY + timedelta(days=1), 1e12) is None
    assert money_weighted([]) is None


def test_a_drawdown_knows_when_it_began_and_when_it_was_over() -> None:
    """The owner would be told a wrong depth or length, or that it lasts when it is over."""
    days = sessions(7)
    values = [100.0, 120.0, 90.0, 105.0, 121.0, 115.0, 118.0]
    found = drawdown.of_index(list(zip(days, values, strict=True)))
    assert found.worst == drawdown.Fall(0.25, days[1], days[2], days[4], 3)
    assert found.longest == found.worst
    assert found.now is not None
    assert (found.now.peak, found.now.trough, found.now.back) == (days[4], days[5], None)
    assert found.now.depth == pytest.approx(1 - 118 / 121)
    assert drawdown.of_index([(days[0], 1.0), (days[1], 1.1)]) == drawdown.Drawdown(None, None, None)


def test_pnl_falls_in_dollars() -> None:
    """A curve of P&L that begins at zero has no share to fall by."""
    days = sessions(4)
    usd = [Decimal(0), Decimal(50), Decimal(-20), Decimal(10)]
    found = drawdown.of_pnl(list(zip(days, usd, strict=True)))
    assert found.worst is not None
    assert found.now is not None
    assert (found.worst.depth, found.now.depth) == (70, 40)


def test_a_fall_from_a_first_day_that_gained_is_told_from_its_best() -> None:
    """The curve's beginning has the first day's date too: a drawdown of today would be told as negative."""
    first, second = sessions(2)
    found = drawdown.of_pnl([(first, Decimal(0)), (first, Decimal(100)), (second, Decimal(70))])
    assert found.now == drawdown.Fall(Decimal(30), first, second, None, 1)
