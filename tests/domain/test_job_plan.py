"""What a job has to catch up with, computed: as a walk over every slot would find it, for lines that are due every minute too."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from croniter import croniter

from tests.clockwork import new_york
from tradebot.config import Settings
from tradebot.domain.calendar import Calendar
from tradebot.domain.cron import next_fire
from tradebot.domain.job_plan import (
    DAILY_REPORT,
    MARKET_OPEN,
    MISSED_MAX,
    MONTHLY_REPORT,
    POSITION_SYNC,
    SUNDAY_REMINDER,
    WEEKLY_REPORT,
    Due,
    Plan,
    due,
    next_run,
    plans,
)

CRONS = Settings().schedule.crons()
AT_CLOSE = new_york(2026, 11, 20, 16)


def walked(plan: Plan, since: datetime, now: datetime) -> list[datetime]:
    """The reference: every slot is looked at."""
    at, runs = since, []
    while (at := next_fire(plan.cron, at)) <= now:
        if plan.is_run(at):
            runs.append(at)
    return runs


@pytest.mark.parametrize(
    "cron", ["30 9 * * 1-5", "0 */4 * * *", "5 16 * * 1-5", "0 20 * * *", "45 13 * * *", "0 3 * * 6"]
)
@pytest.mark.parametrize("now", [new_york(2026, 11, 2, 12), new_york(2026, 3, 9, 16, 30), new_york(2026, 11, 28, 3)])
@pytest.mark.parametrize("job", [MARKET_OPEN, DAILY_REPORT, POSITION_SYNC, WEEKLY_REPORT, MONTHLY_REPORT])
def test_what_is_due_is_what_a_walk_over_all_slots_finds(job: str, now: datetime, cron: str) -> None:
    """A run would be missed, or made up twice, after a weekend, a half day or a change of the clocks."""
    plan = next(one for one in plans({**CRONS, job: cron}, Calendar()) if one.name == job)
    for days in (0.1, 1, 3, 9):
        since = now - timedelta(days=days)
        runs = walked(plan, since, now)
        in_time = [run for run in runs if plan.in_time(run, now)]
        expected = Due(in_time[-1] if in_time else None, tuple(run for run in runs if run not in in_time)[-MISSED_MAX:])
        assert due(plan, since, now) == expected
        ahead = next((run for run in walked(plan, now, now + timedelta(days=9))), None)
        assert ahead is None or next_run(plan, now) == ahead


@pytest.mark.parametrize("job", [MARKET_OPEN, DAILY_REPORT, POSITION_SYNC, SUNDAY_REMINDER, WEEKLY_REPORT])
def test_a_line_due_every_minute_is_computed_after_a_month_too(job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop would stand still for half a minute at the start, and alerts be answered with 503."""
    steps = 0

    class Counting(croniter):
        def get_next(self, *args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            steps += 1
            return super().get_next(*args, **kwargs)

        def get_prev(self, *args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            steps += 1
            return super().get_prev(*args, **kwargs)

    monkeypatch.setattr("tradebot.domain.cron.croniter", Counting)
    plan = next(one for one in plans({**CRONS, job: "* * * * *"}, Calendar()) if one.name == job)
    now = new_york(2026, 11, 20, 17)
    wanted = due(plan, now - timedelta(days=31), now)
    assert len(wanted.missed) <= MISSED_MAX
    assert next_run(plan, now) is not None
    assert steps < 6_000, "a walk takes 44,640"
    expected_run = {DAILY_REPORT: AT_CLOSE, WEEKLY_REPORT: AT_CLOSE, MARKET_OPEN: None}.get(job, now)
    assert wanted.run == expected_run
