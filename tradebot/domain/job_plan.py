"""The job plan: which runs there are, and how late one may still be made up. Pure: time is an argument.

Rules:
- A run is known by its slot, the instant at which its cron line was due. Not every slot is a run: the market opens on sessions
  only, and the report belongs to the first slot after a session's close.
- A run that was missed is made up while its window is open: the opening during its session, a day's job on the same New York
  day. One late run stands for all that its window still covers; what lies further back is missed for good, and reported.
- A fresh database makes up the opening only: a report of a day on which there was no bot, or a reminder, would say nothing.
- What is due is computed, not walked to: a line that is due every minute costs no more after a month than one that is due daily.
- A health check and the account's equity are about now: late or missed ones are of no use to anybody. Pruning takes what a
  missed night left. Daily prices and thresholds are those of the last session. None of these is told when missed.
- A week's or a month's report belongs to the first slot after the close of its last session; it is made up for some days.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradebot.domain.calendar import DAY, Calendar, Session
from tradebot.domain.calendar_units import Unit
from tradebot.domain.cron import next_fire, slot, slots_before

MARKET_OPEN = "market_open"
DAILY_REPORT = "daily_report"
POSITION_SYNC = "position_sync"
HEALTH_CHECK = "health_check"
SUNDAY_REMINDER = "sunday_reminder"
EQUITY = "equity"
DAILY_BARS = "daily_bars"
THRESHOLDS = "thresholds"
WEEKLY_REPORT = "weekly_report"
MONTHLY_REPORT = "monthly_report"
PRUNE = "prune"

LOOK_BACK = timedelta(days=31)
"""Missed runs before this are not counted up."""
MISSED_MAX = 60
"""Nor more than so many of one job."""
AT_ONCE = timedelta(minutes=2)
"""A run that is about its moment is this late at most: other jobs of the same slot may come first."""
LATE_REPORT = timedelta(days=3)
"""A week's or a month's report may still be made over a weekend and a holiday."""
_INSTANT = timedelta(microseconds=1)


Runs = Callable[[datetime, datetime], Sequence[datetime]]
"""The runs in (since, now], the newest first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When one job runs."""

    name: str
    cron: str
    is_run: Callable[[datetime], bool]  # whether there is anything to do in this slot
    in_time: Callable[[datetime, datetime], bool]  # whether the run of this slot may still be made up now
    runs: Runs | None = None  # None: what is missed is not told
    skip: Callable[[datetime], datetime] = lambda at: at  # after a slot that is no run: no run comes before this moment
    at_first_start: bool = False  # whether a database in which it never ran makes up what is still in time


@dataclass(frozen=True, slots=True)
class Due:
    """What a job has to catch up with: one run to do now, or none; and runs that nothing makes up any more."""

    run: datetime | None
    missed: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class _Slots:
    """What the slots of the jobs mean by the exchange's calendar."""

    crons: Mapping[str, str]
    calendar: Calendar

    def same_day(self, due: datetime, now: datetime) -> bool:
        return self.calendar.trading_date(due) == self.calendar.trading_date(now)

    def same_session(self, due: datetime, now: datetime) -> bool:
        session = self.calendar.current(due)
        return session is not None and session == self.calendar.current(now)

    def first_after_close(self, job: str, due: datetime) -> bool:
        before = slot(self.crons[job], due - _INSTANT)
        return last_session(self.calendar, due).close > before

    def ends_session(self, due: datetime) -> bool:
        return self.first_after_close(DAILY_REPORT, due)

    def has_equity(self, due: datetime) -> bool:
        return self.calendar.is_open(due) or self.first_after_close(EQUITY, due)

    def has_thresholds(self, due: datetime) -> bool:
        return self.calendar.is_open(due) or self.first_after_close(THRESHOLDS, due)

    def looked_in_time(self, due: datetime, now: datetime) -> bool:
        """What is looked at in a session is about its moment; what is after its close, about the day."""
        return _at_once(due, now) if self.calendar.is_open(due) else self.same_day(due, now)

    def ends(self, job: str, unit: Unit) -> Callable[[datetime], bool]:
        """Whether a slot is the first after the close of a week's, or a month's, last session."""

        def is_run(due: datetime) -> bool:
            session = last_session(self.calendar, due)
            following = self.calendar.trading_date(self.calendar.next_open(session.close))
            return self.first_after_close(job, due) and unit.begin(session.date) != unit.begin(following)

        return is_run

    def to_the_open(self, at: datetime) -> datetime:
        return self.calendar.next_open(at) - _INSTANT

    def to_the_close(self, at: datetime) -> datetime:
        return self.calendar.next_close(at) - _INSTANT

    def every_one(self, job: str) -> Runs:
        return lambda since, now: slots_before(self.crons[job], since, now, MISSED_MAX)


def plans(crons: Mapping[str, str], calendar: Calendar) -> tuple[Plan, ...]:
    """The jobs in the order in which they run when they are due at one time. `crons` gives each its line."""
    by = _Slots(crons, calendar)
    opening, report = _openings(crons[MARKET_OPEN], calendar), _reports(crons[DAILY_REPORT], calendar)

    def of_period(job: str, unit: Unit) -> Plan:
        ends = by.ends(job, unit)
        return Plan(job, crons[job], ends, _within_days, _only(_reports(crons[job], calendar), ends), by.to_the_close)

    return (
        Plan(
            MARKET_OPEN,
            crons[MARKET_OPEN],
            calendar.is_open,
            by.same_session,
            opening,
            by.to_the_open,
            at_first_start=True,
        ),
        Plan(EQUITY, crons[EQUITY], by.has_equity, _at_once, skip=by.to_the_open),
        Plan(DAILY_REPORT, crons[DAILY_REPORT], by.ends_session, by.same_day, report, by.to_the_close),
        of_period(WEEKLY_REPORT, Unit.WEEK),
        of_period(MONTHLY_REPORT, Unit.MONTH),
        Plan(THRESHOLDS, crons[THRESHOLDS], by.has_thresholds, by.looked_in_time, skip=by.to_the_open),
        Plan(POSITION_SYNC, crons[POSITION_SYNC], _always, by.same_day, by.every_one(POSITION_SYNC)),
        Plan(SUNDAY_REMINDER, crons[SUNDAY_REMINDER], _always, by.same_day, by.every_one(SUNDAY_REMINDER)),
        Plan(HEALTH_CHECK, crons[HEALTH_CHECK], _always, _is_the_last, at_first_start=True),
        Plan(PRUNE, crons[PRUNE], _always, by.same_day),
        Plan(  # the last one: it waits for IB
            DAILY_BARS,
            crons[DAILY_BARS],
            lambda due: by.first_after_close(DAILY_BARS, due),
            by.same_day,
            skip=by.to_the_close,
        ),
    )


def _at_once(due: datetime, now: datetime) -> bool:
    return now - due <= AT_ONCE


def _within_days(due: datetime, now: datetime) -> bool:
    return now - due <= LATE_REPORT


def _always(due: datetime) -> bool:
    return True


def _is_the_last(due: datetime, now: datetime) -> bool:
    return True


def _openings(cron: str, calendar: Calendar) -> Runs:
    """Every slot within a session."""

    def runs(since: datetime, now: datetime) -> Sequence[datetime]:
        found: list[datetime] = []
        for session in _sessions_before(calendar, since, now):
            first, last = max(since, session.open - _INSTANT), min(now, session.close - _INSTANT)
            found += slots_before(cron, first, last, MISSED_MAX - len(found))
        return found

    return runs


def _reports(cron: str, calendar: Calendar) -> Runs:
    """The first slot after each session's close."""

    def runs(since: datetime, now: datetime) -> Sequence[datetime]:
        ended = [one for one in _sessions_before(calendar, since, now) if one.close <= now]
        firsts = dict.fromkeys(next_fire(cron, session.close - _INSTANT) for session in ended)
        return [run for run in firsts if since < run <= now]

    return runs


def _only(runs: Runs, is_run: Callable[[datetime], bool]) -> Runs:
    return lambda since, now: [one for one in runs(since, now) if is_run(one)]


def due(plan: Plan, since: datetime | None, now: datetime) -> Due:
    """The runs in (since, now]. `since` None: the job has never run, so that nothing was missed."""
    if since is None and not plan.at_first_start:
        return Due(None, ())
    if plan.runs is None:
        last = slot(plan.cron, now)
        wanted = (since is None or last > since) and plan.is_run(last) and plan.in_time(last, now)
        return Due(last if wanted else None, ())
    if since is None:
        return Due(due(plan, now - DAY, now).run, ())
    runs = plan.runs(max(since, now - LOOK_BACK), now)
    in_time = [run for run in runs if plan.in_time(run, now)]
    return Due(in_time[0] if in_time else None, tuple(run for run in reversed(runs) if run not in in_time))


def next_run(plan: Plan, after: datetime) -> datetime | None:
    """The first slot after `after` that is a run; None when a year has none."""
    at = after
    while (at := next_fire(plan.cron, at)) < after + timedelta(days=366):
        if plan.is_run(at):
            return at
        at = max(at, plan.skip(at))
    return None


def _sessions_before(calendar: Calendar, since: datetime, now: datetime) -> Iterator[Session]:
    """The sessions that have begun, the newest first, back to the one before `since`: its runs may come long after its close."""
    session = calendar.current(now) or last_session(calendar, now)
    while session.close > since:
        yield session
        session = last_session(calendar, session.open)
    yield session


def last_session(calendar: Calendar, now: datetime) -> Session:
    """The last session that has ended."""
    day = calendar.trading_date(now)
    while (session := calendar.session(day)) is None or session.close > now:
        day -= DAY
    return session
