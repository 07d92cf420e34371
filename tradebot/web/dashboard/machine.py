"""What the daemon was told and does by itself: the configuration, the jobs, the log. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.events import EventKind
from tradebot.domain.job_plan import Plan, next_run
from tradebot.domain.log_lines import LogLine
from tradebot.queries.jobs import JobHistory
from tradebot.web.dashboard import said
from tradebot.web.dashboard.said import Said
from tradebot.words import figures

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LINES = 200
ABOUT = {
    "market_open": "tells of the open, and brings back the alerts that waited for it",
    "daily_report": "what the session brought",
    "weekly_report": "what the week brought",
    "monthly_report": "what the month brought",
    "position_sync": "the books are compared with IB's positions",
    "health_check": "looks whether every part is well, and tells what is not",
    "sunday_reminder": "reminds of IB's weekly login",
    "equity": "stores what the account is worth",
    "daily_bars": "stores daily prices of SPY and of what is held, to compare with",
    "thresholds": "looks whether a figure has crossed a limit of yours",
    "prune": "takes away what is older than database.keep_days",
}
_HOW = {EventKind.JOB_FAILED: Said("failed", said.BAD), EventKind.JOB_MISSED: Said("missed", said.WAIT)}
_DONE, _NEVER = Said("done", said.GOOD), Said("has not run yet", said.NEUTRAL)
_MOODS = {"WARNING": said.WAIT, "ERROR": said.BAD, "CRITICAL": said.BAD}


@dataclass(frozen=True, slots=True)
class Job:
    """A job, its line in the file, its last run and the next one."""

    name: str
    about: str
    cron: str
    word: Said
    ran: datetime | None
    next: str


def jobs(plans: Sequence[Plan], history: JobHistory, now: datetime) -> Sequence[Job]:
    return [_job(plan, history, now) for plan in plans]


def _job(plan: Plan, history: JobHistory, now: datetime) -> Job:
    ran, comes = history.last.get(plan.name), next_run(plan, now)
    kind = None if ran is None else history.not_done.get((plan.name, ran))
    return Job(
        name=plan.name.replace("_", " "),
        about=ABOUT.get(plan.name, ""),
        cron=plan.cron,
        word=_NEVER if ran is None else _HOW[kind] if kind else _DONE,
        ran=ran,
        next="not within a year" if comes is None else figures.market_time(comes),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log."""

    at: datetime | None
    word: Said
    text: str
    more: str


@dataclass(frozen=True, slots=True)
class Log:
    """The whole page: the newest first."""

    level: str
    levels: Sequence[str]
    lines: Sequence[Line]


def log(found: Sequence[LogLine], level: str) -> Log:
    return Log(level, LEVELS, [_line(one) for one in reversed(found)])


def _line(one: LogLine) -> Line:
    context = " ".join(f"{name}={value}" for name, value in (one.context or {}).items())
    word = Said(one.level.lower() or "unreadable", _MOODS.get(one.level, said.NEUTRAL))
    return Line(one.at, word, one.message, "\n".join(filter(None, (context, one.exception.rstrip()))))


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the file."""

    name: str
    keys: Sequence[tuple[str, str]]


def settings(configured: Mapping[str, Sequence[tuple[str, str]]]) -> Sequence[Section]:
    return [Section(name, keys) for name, keys in configured.items()]
