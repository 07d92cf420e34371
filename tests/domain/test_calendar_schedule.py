"""When jobs are due: New York's wall clock, both clock changes, and lines that must be refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.cron import next_fire, slot

NEW_YORK = ZoneInfo("America/New_York")
LINES = [
    "30 9 * * 1-5",
    "5 13,16 * * 1-5",
    "0 10,14,18 * * 1-5",
    "*/5 * * * *",
    "0 10 * * 0",
    "30 1 * * *",
    "30 2 * * *",
]


def fires(cron: str, first: datetime, last: datetime) -> list[str]:
    """New York wall times, with their offset, at which a scheduler that always asks for the next one would run."""
    found, at = [], first
    while (at := next_fire(cron, at)) < last:
        found.append(at.astimezone(NEW_YORK).strftime("%d %H:%M%z"))
    return found


def test_the_wall_clock_is_new_yorks_all_year() -> None:
    """Broken, the market-open job would run an hour off for half of the year."""
    assert next_fire("30 9 * * 1-5", datetime(2026, 7, 1, tzinfo=UTC)) == datetime(2026, 7, 1, 13, 30, tzinfo=UTC)
    assert next_fire("30 9 * * 1-5", datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2026, 12, 1, 14, 30, tzinfo=UTC)
    assert next_fire("0 10 * * 0", datetime(2026, 11, 20, tzinfo=UTC)) == datetime(2026, 11, 22, 15, tzinfo=UTC)


def test_a_time_in_the_missing_hour_runs_once_after_it() -> None:
    """Broken, a daily job at 02:30 would be skipped, or run twice, on the day the clocks go forward."""
    found = fires("30 2 * * *", datetime(2026, 3, 7, 5, tzinfo=UTC), datetime(2026, 3, 10, 4, tzinfo=UTC))
    assert found == ["07 02:30-0500", "08 03:00-0400", "09 02:30-0400"]


def test_a_time_in_the_repeated_hour_runs_once() -> None:
    """Broken, a daily job at 01:30 would run twice on the day the clocks go back."""
    found = fires("30 1 * * *", datetime(2026, 10, 31, 4, tzinfo=UTC), datetime(2026, 11, 3, 5, tzinfo=UTC))
    assert found == ["31 01:30-0400", "01 01:30-0400", "02 01:30-0500"]
    second_hour = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
    assert slot("30 1 * * *", second_hour) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert next_fire("30 1 * * *", second_hour) == datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("change", [datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)])
def test_an_interval_goes_through_clock_changes_without_pause(change: datetime) -> None:
    """Broken, the health check would fall silent for an hour and the owner's dead-man's switch would cry wolf."""
    at = change
    while at < change + timedelta(days=1):
        following = next_fire("*/5 * * * *", at)
        assert following - at == timedelta(minutes=5)
        at = following


def test_the_slot_is_the_run_due_now_until_the_next() -> None:
    """Broken, a job that woke a little late would be recorded under another key and could run again."""
    due = datetime(2026, 11, 20, 21, 5, tzinfo=UTC)
    cron = "5 13,16 * * 1-5"
    assert slot(cron, due) == due
    assert slot(cron, due + timedelta(seconds=40)) == due
    assert slot(cron, due - timedelta(microseconds=1)) == due - timedelta(hours=3)
    assert slot(cron, datetime(2026, 11, 23, 17, tzinfo=UTC)) == due


@settings(deadline=None)  # a busy machine proves nothing
@given(st.sampled_from(LINES), st.timedeltas(timedelta(0), timedelta(days=3_650)))
def test_slots_and_fires_are_the_same_instants(cron: str, since: timedelta) -> None:
    """Broken, a run would be recorded under an instant at which it is never due, so a restart would run it twice."""
    now = datetime(2020, 1, 1, tzinfo=UTC) + since
    due, following = slot(cron, now), next_fire(cron, now)
    assert due <= now < following
    assert next_fire(cron, due) == following
    assert slot(cron, following) == following
    assert slot(cron, following - timedelta(microseconds=1)) == due


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("", "has 0 fields"),
        ("@daily", "has 1 fields"),
        ("0 * * * * *", "has 6 fields"),
        ("0 0 31 2 *", "0 0 31 2"),
        ("61 * * * *", "out of range"),
        ("nine thirty * * *", "not acceptable"),
        ("R 9 * * *", "random"),
        ("H(0-9) 9 * * *", "random"),
    ],
)
def test_a_line_that_is_never_due_or_not_cron_is_refused_in_words(cron: str, says: str) -> None:
    """Broken, a mistyped line would end the scheduler at run time instead of the start, or run at random times."""
    for ask in (next_fire, slot):
        with pytest.raises(ValueError, match="cron line") as refusal:
            ask(cron, datetime(2026, 1, 1, tzinfo=UTC))
        assert says in str(refusal.value)


def test_a_time_without_zone_has_no_next_run() -> None:
    """Broken, jobs would follow the machine's zone instead of New York's."""
    with pytest.raises(ValueError, match="no time zone"):
        next_fire("30 9 * * *", datetime(2026, 1, 1))  # noqa: DTZ001  it is what is refused
