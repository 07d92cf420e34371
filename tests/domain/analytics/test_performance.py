"""All figures of a period, put together."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.domain.analytics.history import history
from tests.domain.analytics.samples import CALENDAR, at_close, lot, open_lot, sessions
from tradebot.domain.analytics.performance import Known, Performance, performance, spans_of
from tradebot.domain.calendar_units import Unit
from tradebot.domain.hours import Hours

KNOWN = history(130)


@pytest.fixture(scope="module")
def found() -> Performance:
    return performance(KNOWN, Hours(CALENDAR))


def test_strategies_add_up_to_all(found: Performance) -> None:
    """A lot would be counted for nobody, or twice; a strategy be judged by another one's."""
    each = list(found.by_strategy.values())
    assert list(found.by_strategy) == ["ema", "rsi"]
    assert sum(one.lots.net for one in each) == found.trading.lots.net == sum(one.net for one in found.months)
    assert sum(one.lots.closed for one in each) == found.trading.lots.closed == 189
    assert sum(one.slippage.orders for one in each) == found.trading.slippage.orders == 189
    assert found.trading.curve[-1] == (KNOWN.last, found.trading.lots.net)
    assert found.sessions == 130


def test_the_account_stands_beside_spy(found: Performance) -> None:
    """The account's days would be compared with other days of the market."""
    account = found.account
    assert account is not None
    assert account.benchmark.total is not None
    assert account.time_weighted is not None
    assert account.benchmark.ahead == pytest.approx(account.time_weighted - account.benchmark.total)
    assert account.gain == account.value - account.days[0].value
    assert account.benchmark.beta == pytest.approx(0.4, abs=0.1)  # as it was made


def test_pairs_are_of_strategies_and_of_what_is_held(found: Performance) -> None:
    """Two positions that are one bet would not be seen."""
    [strategies] = found.strategies_together
    [positions] = found.positions_together
    assert (strategies.one, strategies.other) == ("ema", "rsi")
    assert (positions.one, positions.other, positions.days) == ("AAPL", "KO", 129)
    assert positions.value is not None
    assert 0 < positions.value < 1


def test_what_closed_after_a_period_is_not_of_it() -> None:
    """June's report would have July's gains, or a month have none of a lot that was held through it."""
    may = sessions(20, date(2026, 5, 1))
    later = lot("100", entry_time=at_close(may[5]), exit_time=at_close(may[-1]) + timedelta(days=30))
    held = [later, open_lot(entry_time=at_close(may[5]))]
    month = replace(KNOWN, last=may[-1], lots=held, orders=[], now=at_close(may[-1]))
    found = performance(month, Hours(CALENDAR))
    assert (found.trading.lots.closed, found.trading.lots.net) == (0, 0)
    assert found.trading.use.most_invested == 2000


def test_a_day_without_a_trade_has_its_line() -> None:
    """The owner would wonder whether the bot ran on that day."""
    week = replace(KNOWN, first=date(2026, 6, 1), last=date(2026, 6, 7), lots=[], equity=[])
    days = spans_of(week, CALENDAR, Unit.DAY)
    assert [one.first.day for one in days] == [1, 2, 3, 4, 5]
    assert {(one.net, one.closed, one.earned) for one in days} == {(0, 0, None)}


def test_who_trades_always_is_in_the_market_by_the_clock() -> None:
    """What was bought at night, or before the exchange's first session, would never have been in the market."""
    saturday = date(2026, 6, 6)
    noon = CALENDAR.day_start(saturday) + timedelta(hours=12)
    bought = open_lot(entry_time=noon - timedelta(hours=3))
    known = Known(saturday - timedelta(days=89), saturday, noon, [], [bought], [], {})
    by_clock, by_sessions = performance(known, Hours(CALENDAR, always=True)), performance(known, Hours(CALENDAR))
    assert by_clock.trading.use.in_market == pytest.approx(0.25)  # of the twelve hours of its first day
    assert (by_clock.trading.use.most_invested, by_clock.trading.use.average_invested) == (1000, 250)
    assert (by_sessions.trading.use.in_market, by_sessions.trading.use.most_invested) == (None, None)
