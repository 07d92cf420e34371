"""What closed lots brought, by hand; their spans; and how much of the money they had."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.analytics.samples import CALENDAR, MONDAY, NOON, equity, lot, open_lot, sessions
from tradebot.domain.analytics.capital import capital_use
from tradebot.domain.analytics.closed_lots import curve, lot_figures, pnl_by_day, streaks
from tradebot.domain.analytics.correlation import correlations, pearson
from tradebot.domain.analytics.equity_curve import equity_days
from tradebot.domain.analytics.spans import spans
from tradebot.domain.calendar import Session
from tradebot.domain.calendar_units import Unit

DAY = timedelta(days=1)
PNLS = ["30", "30", "-20", "10", "-20", "-20", "50", "-8", "0", "18"]


def test_figures_of_ten_lots() -> None:
    """A win rate, an expectancy or a profit factor would not be what its name says."""
    lots = [lot(pnl, exit_time=NOON + (n + 1) * DAY) for n, pnl in enumerate(PNLS)]
    found = lot_figures([*lots, lot(None), open_lot()])
    assert (found.closed, found.won, found.lost, found.written_off) == (10, 5, 4, 1)
    assert (found.net, found.commissions, found.gross) == (70, 20, 90)
    assert found.win_rate == 0.5
    assert found.profit_factor == pytest.approx(138 / 68)
    assert (found.expectancy, found.expectancy_pct) == (7, pytest.approx(0.007))
    assert (found.average_won, found.average_lost) == (Decimal("27.6"), 17)
    assert found.payoff == pytest.approx(27.6 / 17)
    assert (found.best, found.worst) == (lots[6], lots[2])
    assert found.traded == 10 * 1000 + 10 * 1000 + 90
    assert found.commission_bps == pytest.approx(20 / 20_090 * 10_000)
    assert found.commission_share == pytest.approx(20 / (138 + 10 + 2))
    assert found.held_s == 5.5 * 86_400


def test_nine_lots_make_no_rate() -> None:
    """Two lots that won would be told as a win rate of 100 %."""
    found = lot_figures([lot("10") for _ in range(9)])
    rates = (found.win_rate, found.profit_factor, found.expectancy, found.payoff, found.held_s, found.commission_share)
    assert rates == (None,) * 6
    assert (found.closed, found.won, found.net) == (9, 9, 90)


def test_a_streak_counts_exits_and_not_lots() -> None:
    """One SELL of three lots at a loss would be three losses in a row."""
    one_exit = [lot(pnl, closing_trade_id=7, exit_time=NOON + DAY) for pnl in ("-5", "-5", "4")]
    later = [
        lot("-1", exit_time=NOON + 2 * DAY),
        lot("3", exit_time=NOON),
        lot("2", exit_time=NOON + timedelta(hours=2)),
    ]
    found = streaks([*later, *one_exit])
    assert (found.won, found.lost, found.now, found.since) == (2, 2, -2, NOON + DAY)
    assert streaks([lot("-5"), lot("0", exit_time=NOON + DAY)]).now == 0


@given(st.lists(st.integers(-50, 50), max_size=40))
def test_the_curve_ends_with_all_that_was_made(pnls: list[int]) -> None:
    """A lot that closed on no session's day, or two on one, would be left out of the picture."""
    lots = [lot(str(pnl), exit_time=NOON + (n // 2) * DAY) for n, pnl in enumerate(pnls)]
    days = sessions(30)
    assert curve(pnl_by_day(lots), days)[-1] == (days[-1], sum(pnls))
    found = lot_figures(lots)
    assert found.won + found.lost <= found.closed == len(pnls)


def test_spans_are_of_new_york_months_and_weeks() -> None:
    """A month's return would begin on its second day, or a lot of the 31st be counted for the next month."""
    days = equity_days([equity(day, str(1000 + 10 * n)) for n, day in enumerate(sessions(30, date(2026, 5, 20)))])
    spy = {one.day: 500.0 for one in days}
    may, june = spans(days, spy, [lot("5"), lot("-2"), lot("7", exit_time=NOON - 10 * DAY)], Unit.MONTH)[:2]
    assert (may.first, may.last, may.closed, may.net) == (date(2026, 5, 1), date(2026, 5, 31), 1, 7)
    assert (june.net, june.closed, june.won, june.spy) == (3, 2, 1, 0.0)
    last_of_may = next(one for one in reversed(days) if one.day.month == 5)
    last = [one for one in days if one.day.month == 6][-1]
    assert june.earned == pytest.approx(last.index / last_of_may.index - 1)
    assert june.ahead == june.earned


@pytest.mark.parametrize(
    ("unit", "begin", "end", "back"),
    [
        (Unit.DAY, date(2026, 6, 3), date(2026, 6, 3), date(2026, 6, 1)),
        (Unit.WEEK, MONDAY, date(2026, 6, 7), date(2026, 5, 18)),
        (Unit.MONTH, MONDAY, date(2026, 6, 30), date(2026, 4, 1)),
    ],
)
def test_pieces_of_the_calendar(unit: Unit, begin: date, end: date, back: date) -> None:
    """A weekly report would be about six days, or a monthly one forget the 31st."""
    day = date(2026, 6, 3)
    assert (unit.begin(day), unit.end(day), unit.back(day, 2)) == (begin, end, back)


def of_days(*days: date) -> list[Session]:
    return [session for day in days if (session := CALENDAR.session(day))]


def test_money_at_work_counts_sessions_only() -> None:
    """A lot that is held over a weekend would have most of the week, whatever else was held."""
    friday, monday = date(2026, 6, 5), date(2026, 6, 8)
    two = of_days(friday, monday)
    middle = two[0].open + (two[0].close - two[0].open) / 2
    held = lot("10", entry_time=middle, exit_time=two[1].open + (two[1].close - two[1].open) / 2)
    found = capital_use([held], two, two[1].close, Decimal(10_000))
    assert (found.average_invested, found.most_invested) == (500, 1000)
    assert (found.in_market, found.exposure) == (pytest.approx(0.5), pytest.approx(0.05))
    assert found.turnover == pytest.approx((1000 + 1012) / 2 / 10_000)


def test_at_most_as_much_as_was_held_at_once() -> None:
    """Two lots after each other would count as two at once."""
    (day,) = of_days(MONDAY)
    hour = timedelta(hours=1)
    one = lot("1", entry_time=day.open, exit_time=day.open + hour)
    then = lot("1", entry_time=day.open + hour, exit_time=day.open + 2 * hour)
    assert capital_use([one, then], [day], day.close, None).most_invested == 1000
    assert capital_use([one, replace(then, entry_time=day.open)], [day], day.close, None).most_invested == 2000
    found = capital_use([open_lot(entry_time=day.open)], [day], day.close, None)
    assert (found.in_market, found.exposure, found.turnover) == (1.0, None, None)


def test_what_moves_together() -> None:
    """Two strategies that are one and the same bet would look like two."""
    days = sessions(25)
    one = {day: float(n % 5) for n, day in enumerate(days)}
    against = {day: -value for day, value in one.items()}
    pairs = {
        (c.one, c.other): (c.days, c.value)
        for c in correlations({"a": one, "b": against, "c": dict.fromkeys(days, 1.0)})
    }
    assert pairs == {("a", "b"): (25, pytest.approx(-1.0)), ("a", "c"): (25, None), ("b", "c"): (25, None)}
    assert pearson([1.0] * 19, [1.0] * 19) is None
