"""The exchange's hours as people ask for them: now, next, and the special days ahead."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tradebot.domain.calendar import Calendar, Session
from tradebot.domain.hours import Hours

AHEAD = timedelta(days=60)
"""How far holidays and early closes are shown in advance."""


@dataclass(frozen=True, slots=True)
class Special:
    """A weekday that is not an ordinary session."""

    day: date
    name: str
    closes: datetime | None  # None: closed all day


@dataclass(frozen=True, slots=True)
class Market:
    """The exchange at one moment."""

    now: datetime
    always: bool  # the bot trades regardless of the hours below
    session: Session | None  # today's, whether over or not
    is_open: bool
    closed_because: str | None  # why today has no session
    next_open: datetime
    next_close: datetime
    specials: Sequence[Special]


def market_now(hours: Hours, now: datetime) -> Market:
    calendar = hours.calendar
    today = calendar.trading_date(now)
    return Market(
        now=now,
        always=hours.always,
        session=calendar.session(today),
        is_open=calendar.is_open(now),
        closed_because=calendar.closed_because(today),
        next_open=calendar.next_open(now),
        next_close=calendar.next_close(now),
        specials=list(_specials(calendar, today)),
    )


def _specials(calendar: Calendar, today: date) -> Iterable[Special]:
    for ahead in range(AHEAD.days + 1):
        day = today + timedelta(days=ahead)
        session = calendar.session(day)
        if session is not None and session.early:
            yield Special(day, session.name or "early close", session.close)
        elif session is None and day.weekday() < 5:
            yield Special(day, calendar.closed_because(day) or "closed", None)
