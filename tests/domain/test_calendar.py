"""NYSE sessions: known dates, thirty-one years against another calendar's table, the clock changes, the owner's closures."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.write_nyse import FILE, rendered
from tradebot.domain.calendar import Calendar

NEW_YORK = ZoneInfo("America/New_York")
TABLE = Path(__file__).parent / "data" / "nyse_2000_2030.txt"
CALENDAR = Calendar()


def new_york(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=NEW_YORK).astimezone(UTC)


def test_thirty_one_years_equal_the_reference_table() -> None:
    """Broken, the bot would trade on a holiday, stand still on a session, or miss an early close."""
    lines = (line.split() for line in TABLE.read_text().splitlines() if not line.startswith("#"))
    reference = {date.fromisoformat(day): what for day, what in lines}
    day = date(2000, 1, 3)
    while day <= date(2030, 12, 31):
        expected = reference.get(day, "16:00" if day.weekday() < 5 else "closed")
        session = CALENDAR.session(day)
        found = session.close.astimezone(NEW_YORK).strftime("%H:%M") if session else "closed"
        assert (day, found) == (day, expected)
        if session:
            assert session.open.astimezone(NEW_YORK).strftime("%H:%M") == "09:30"
            assert session.early == (expected == "13:00")
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2025, 1, 9), "National Day of Mourning for former President Jimmy Carter"),
        (date(2026, 7, 3), "Independence Day (observed)"),
        (date(2026, 12, 25), "Christmas Day"),
        (date(2026, 11, 21), "Saturday"),
        (date(2026, 11, 22), "Sunday"),
        (date(2026, 7, 2), None),
    ],
)
def test_the_owner_is_told_why_the_market_is_closed(day: date, reason: str | None) -> None:
    """Broken, /market could not name the holiday."""
    assert CALENDAR.closed_because(day) == reason
    assert (CALENDAR.session(day) is None) == (reason is not None)


def test_early_closes_end_at_one_and_have_a_name() -> None:
    """Broken, orders would leave into a closed market after 13:00, or the owner would not see why it closed."""
    friday = CALENDAR.session(date(2026, 11, 27))
    assert friday is not None
    assert friday.close == new_york(2026, 11, 27, 13) == datetime(2026, 11, 27, 18, tzinfo=UTC)
    assert (friday.early, friday.name) == (True, "Day after Thanksgiving Day")
    eve = CALENDAR.session(date(2026, 12, 24))
    assert eve is not None
    assert (eve.close, eve.early, eve.name) == (new_york(2026, 12, 24, 13), True, "Christmas Eve")


def test_the_eve_of_an_observed_holiday_is_a_whole_session() -> None:
    """Broken, the bot would stop at 13:00 on 2026-07-02, whose holiday is on the 3rd."""
    session = CALENDAR.session(date(2026, 7, 2))
    assert session is not None
    assert (session.close, session.early, session.name) == (new_york(2026, 7, 2, 16), False, None)


def test_sessions_keep_new_york_hours_over_both_clock_changes() -> None:
    """Broken, the bot would open an hour early or late after a clock change."""
    opens = [
        session.open
        for day in (date(2026, 3, 6), date(2026, 3, 9), date(2026, 10, 30), date(2026, 11, 2))
        if (session := CALENDAR.session(day))
    ]
    assert [at.hour * 60 + at.minute for at in opens] == [14 * 60 + 30, 13 * 60 + 30, 13 * 60 + 30, 14 * 60 + 30]


def test_a_session_contains_its_open_and_not_its_close() -> None:
    """Broken, the first or last instant of a session would be taken wrongly."""
    tick = timedelta(microseconds=1)
    opened, closed = new_york(2026, 11, 20, 9, 30), new_york(2026, 11, 20, 16)
    assert not CALENDAR.is_open(opened - tick)
    assert CALENDAR.is_open(opened)
    assert CALENDAR.is_open(closed - tick)
    assert not CALENDAR.is_open(closed)
    session = CALENDAR.current(opened)
    assert session == CALENDAR.session(date(2026, 11, 20))
    assert CALENDAR.next_open(opened - tick) == opened
    assert CALENDAR.next_open(opened) == new_york(2026, 11, 23, 9, 30)
    assert CALENDAR.next_close(closed - tick) == closed
    assert CALENDAR.next_close(closed) == new_york(2026, 11, 23, 16)


def test_the_next_open_steps_over_weekends_and_holidays() -> None:
    """Broken, a pending alert would be promised an open that does not happen."""
    assert CALENDAR.next_open(new_york(2026, 7, 2, 17)) == new_york(2026, 7, 6, 9, 30)
    assert CALENDAR.next_close(new_york(2026, 11, 26, 12)) == new_york(2026, 11, 27, 13)


def test_extra_closures_close_a_session_and_are_named() -> None:
    """Broken, the owner could not tell the bot of an unscheduled closure."""
    mourning = date(2026, 11, 23)
    calendar = Calendar(frozenset({mourning}))
    assert calendar.session(mourning) is None
    assert calendar.closed_because(mourning) == "extra closure"
    assert not calendar.is_open(new_york(2026, 11, 23, 12))
    assert calendar.next_open(new_york(2026, 11, 20, 17)) == new_york(2026, 11, 24, 9, 30)


def test_a_date_is_new_yorks_and_begins_at_its_midnight() -> None:
    """Broken, a buy after 19:00 New York would count towards the next day's limits."""
    assert CALENDAR.trading_date(datetime(2026, 11, 21, 4, 59, tzinfo=UTC)) == date(2026, 11, 20)
    assert CALENDAR.trading_date(datetime(2026, 11, 21, 5, 0, tzinfo=UTC)) == date(2026, 11, 21)
    assert CALENDAR.day_start(date(2026, 11, 1)) == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert CALENDAR.day_start(date(2026, 11, 2)) == datetime(2026, 11, 2, 5, tzinfo=UTC)


def test_a_time_without_zone_is_refused() -> None:
    """Broken, a naive time would be read in the machine's zone and open the market at the wrong hour."""
    with pytest.raises(ValueError, match="no time zone"):
        CALENDAR.is_open(datetime(2026, 11, 20, 12))  # noqa: DTZ001  it is what is refused


@settings(deadline=None)  # a busy machine proves nothing
@given(st.timedeltas(timedelta(0), timedelta(days=11_000)).map(lambda since: datetime(2000, 1, 3, tzinfo=UTC) + since))
def test_open_is_exactly_when_the_next_close_comes_before_the_next_open(now: datetime) -> None:
    """Broken, is_open, next_open and next_close would contradict each other at some instant."""
    opens, closes = CALENDAR.next_open(now), CALENDAR.next_close(now)
    assert now < min(opens, closes)
    assert CALENDAR.is_open(now) == (closes < opens)
    session = CALENDAR.current(closes - timedelta(microseconds=1))
    assert session is not None
    assert session.close == closes
    assert session.open == (opens if opens < closes else session.open)
    assert CALENDAR.day_start(CALENDAR.trading_date(now)) <= now


def test_the_table_is_what_the_package_knows() -> None:
    """Broken, a holiday that is known by now would be traded on. `make nyse` writes the table."""
    assert FILE.read_text("utf-8") == rendered()


def test_a_year_that_the_table_does_not_have_is_closed() -> None:
    """Broken, the bot would trade on the holidays of a year that it knows nothing of."""
    assert CALENDAR.closed_because(date(2100, 3, 1)) == "no calendar of 2100"
    assert CALENDAR.session(date(1999, 3, 1)) is None
