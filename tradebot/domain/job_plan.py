"""The job plan: which runs there are, and how late one may still be made up. Pure: time is an argument.

Rules:
- A run is known by its slot, the instant at which its cron line was due. Not every slot is a run: the market opens on sessions
  only, and the report belongs to the first slot after a session's close.
- A run that was missed is made up while its window is open: the opening during its session, a day's job on the same New York
  day. One late run stands for all that its window still covers; what lies further back is missed for good, and reported.
- A fresh database makes up the opening only: a report of a day on which there was no bot, or a reminder, would say nothing.
- A health check and the account's equity are about now: late or missed ones are of no use to anybody. Pruning takes what a
  missed night left. None of the three is told when missed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradebot.domain.calendar import DAY, Calendar, Session
from tradebot.domain.cron import next_fire, slot

MARKET_OPEN = "market_open"
DAILY_REPORT = "daily_report"
POSITION_SYNC = "position_sync"
HEALTH_CHECK = "health_check"
SUNDAY_REMINDER = "sunday_reminder"
EQUITY = "equity"
PRUNE = "prune"

LOOK_BACK = timedelta(days=31)
"""Missed runs before this are not counted up."""
AT_ONCE = timedelta(minutes=2)
"""A run that is about its moment is this late at most: other jobs of the same slot may come first."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """When one job runs."""

    name: str
    cron: str
    is_run: Callable[[datetime], bool]  # whether there is anything to do in this slot
    in_time: Callable[[datetime, datetime], bool]  # whether the run of this slot may still be made up now
    told_when_missed: bool = True
    at_first_start: bool = False  # whether a database in which it never ran makes up what is still in time


@dataclass(frozen=True, slots=True)
class Due:
    """What a job has to catch up with: one run to do now, or none; and runs that nothing makes up any more."""

    run: datetime | None
    missed: tuple[datetime, ...]


def plans(crons: Mapping[str, str], calendar: Calendar) -> tuple[Plan, ...]:
    """The jobs in the order in which they run when they are due at one time. `crons` gives each its line."""

    def same_day(due: datetime, now: datetime) -> bool:
        return calendar.trading_date(due) == calendar.trading_date(now)

    def opens(due: datetime) -> bool:
        return calendar.is_open(due)

    def same_session(due: datetime, now: datetime) -> bool:
        session = calendar.current(due)
        return session is not None and session == calendar.current(now)

    def first_after_close(job: str, due: datetime) -> bool:
        before = slot(crons[job], due - _INSTANT)
        return last_session(calendar, due).close > before

    def ends_session(due: datetime) -> bool:
        return first_after_close(DAILY_REPORT, due)

    def has_equity(due: datetime) -> bool:
        return calendar.is_open(due) or first_after_close(EQUITY, due)

    def at_once(due: datetime, now: datetime) -> bool:
        return now - due <= AT_ONCE

    def always(due: datetime) -> bool:
        return True

    def is_the_last(due: datetime, now: datetime) -> bool:
        return True

    return (
        Plan(MARKET_OPEN, crons[MARKET_OPEN], opens, same_session, at_first_start=True),
        Plan(EQUITY, crons[EQUITY], has_equity, at_once, told_when_missed=False),
        Plan(DAILY_REPORT, crons[DAILY_REPORT], ends_session, same_day),
        Plan(POSITION_SYNC, crons[POSITION_SYNC], always, same_day),
        Plan(SUNDAY_REMINDER, crons[SUNDAY_REMINDER], always, same_day),
        Plan(HEALTH_CHECK, crons[HEALTH_CHECK], always, is_the_last, told_when_missed=False, at_first_start=True),
        Plan(PRUNE, crons[PRUNE], always, same_day, told_when_missed=False),
    )


def due(plan: Plan, since: datetime | None, now: datetime) -> Due:
    """The runs in (since, now]. `since` None: the job has never run, so that nothing was missed."""
    if since is None and not plan.at_first_start:
        return Due(None, ())
    if not plan.told_when_missed:
        last = slot(plan.cron, now)
        wanted = (since is None or last > since) and plan.is_run(last) and plan.in_time(last, now)
        return Due(last if wanted else None, ())
    if since is None:
        return Due(due(plan, now - DAY, now).run, ())
    runs = []
    at = max(since, now - LOOK_BACK)
    while (at := next_fire(plan.cron, at)) <= now:
        if plan.is_run(at):
            runs.append(at)
    in_time = [run for run in runs if plan.in_time(run, now)]
    return Due(in_time[-1] if in_time else None, tuple(run for run in runs if run not in in_time))


def next_run(plan: Plan, after: datetime) -> datetime | None:
    """The first slot after `after` that is a run; None when a year has none."""
    at = after
    while (at := next_fire(plan.cron, at)) < after + timedelta(days=366):
        if plan.is_run(at):
            return at
    return None


def last_session(calendar: Calendar, now: datetime) -> Session:
    """The last session that has ended."""
    day = calendar.trading_date(now)
    while (session := calendar.session(day)) is None or session.close > now:
        day -= DAY
    return session
