"""What crosses a limit, what is back, and what is neither."""

from datetime import date, timedelta

import pytest

from tests.domain.analytics.samples import MONDAY, NOON
from tradebot.domain.analytics.thresholds import Reading, Threshold, Thresholds, judge, silent_for


def reading(value: float | None, limit: float = 10.0, threshold: Threshold = Threshold.DRAWDOWN) -> Reading:
    return Reading(threshold, None, value, limit)


@pytest.mark.parametrize(
    ("one", "crossed", "back"),
    [
        (reading(9.99), False, False),
        (reading(10.0), True, False),
        (reading(9.0), False, True),
        (reading(None), False, False),
        (reading(99.0, 99.0, Threshold.IN_TIME), False, False),
        (reading(98.9, 99.0, Threshold.IN_TIME), True, False),
        (reading(99.2, 99.0, Threshold.IN_TIME), False, True),
        (reading(100.0, 100.0, Threshold.IN_TIME), False, True),
    ],
)
def test_a_limit_is_crossed_on_it_and_back_a_tenth_away(one: Reading, crossed: bool, back: bool) -> None:
    """A figure that lies on its limit would be told all day, or a service level be good when it is bad."""
    assert (one.beyond, one.back) == (crossed, back)


def test_each_is_told_once() -> None:
    """What was told would be told again, or a figure that is not known bring something back."""
    over, under, unknown = reading(20.0), reading(1.0), reading(None)
    assert judge([over], {}).crossed == (over,)
    assert judge([over], {over.key: NOON}).crossed == ()
    assert judge([under], {under.key: NOON}).back == ((under, NOON),)
    assert judge([unknown], {unknown.key: NOON}) == judge([under], {})
    assert Reading(Threshold.SILENT, "ema", 1, 1).key == "silent_sessions.ema"


def alerts(*counts: int) -> dict[date, int]:
    return {MONDAY + timedelta(days=n): count for n, count in enumerate(counts)}


@pytest.mark.parametrize(
    ("counts", "silent"),
    [((3, 0, 2, 1), 0), ((3, 0, 2, 1, 0, 0), 2), ((0, 0, 0, 1, 0, 0), None), ((0, 0, 0), None), ((), None), ((5,), 0)],
)
def test_only_who_used_to_speak_is_silent(counts: tuple[int, ...], silent: float | None) -> None:
    """A strategy that alerts once a month would be told as silent every week; one that never began, for ever."""
    assert silent_for(alerts(*counts)) == silent


def test_nothing_is_watched_by_default() -> None:
    """The owner would be told of limits that he never set."""
    assert not Thresholds().any
    assert Thresholds(silent_sessions=3).of(Threshold.SILENT) == 3
