"""The New York Stock Exchange's sessions: which days trade, from when to when.

Rules: time is an argument; what comes in and goes out is aware, instants are UTC, a date is a New York date. Holidays and early
closes are the table's (`tradebot/nyse.py`); the configuration adds closures that nobody could foresee. A year that the table does
not have is closed. A session contains its open and not its close.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tradebot.nyse import CLOSURES, EARLY_CLOSES, FIRST_YEAR, LAST_YEAR

NEW_YORK = ZoneInfo("America/New_York")
OPEN = time(9, 30)
CLOSE = time(16)
EARLY_CLOSE = time(13)  # nyse.com, Holidays & Trading Hours
SATURDAY = 5
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Session:
    """One day's regular trading hours."""

    date: date  # New York
    open: datetime  # UTC
    close: datetime  # UTC
    early: bool
    name: str | None  # why it closes early


class Calendar:
    """NYSE with the owner's extra closures."""

    def __init__(self, extra_closures: frozenset[date] = frozenset()) -> None:
        self._extra = extra_closures
        self._closures, self._half_days = _by_day(CLOSURES), _by_day(EARLY_CLOSES)

    def closed_because(self, day: date) -> str | None:
        """Why there is no session that day, in words; None when there is one."""
        if day.weekday() >= SATURDAY:
            return day.strftime("%A")
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            return f"no calendar of {day.year}"
        return self._closures.get(day) or ("extra closure" if day in self._extra else None)

    def session(self, day: date) -> Session | None:
        """The session of a New York date; None when the exchange is closed."""
        if self.closed_because(day) is not None:
            return None
        half_day = self._half_days.get(day)
        return Session(
            date=day,
            open=_instant(day, OPEN),
            close=_instant(day, EARLY_CLOSE if half_day else CLOSE),
            early=half_day is not None,
            name=half_day,
        )

    def current(self, now: datetime) -> Session | None:
        """The session that is running now."""
        session = self.session(self.trading_date(now))
        return session if session and session.open <= now < session.close else None

    def is_open(self, now: datetime) -> bool:
        return self.current(now) is not None

    def next_open(self, now: datetime) -> datetime:
        """The first open after now: during a session, the next session's."""
        day = self.trading_date(now)
        while (session := self.session(day)) is None or session.open <= now:
            day += DAY
        return session.open

    def next_close(self, now: datetime) -> datetime:
        """The first close after now: during a session, its own."""
        day = self.trading_date(now)
        while (session := self.session(day)) is None or session.close <= now:
            day += DAY
        return session.close

    def trading_date(self, now: datetime) -> date:
        """The New York date. Raises ValueError for a naive time, which has none."""
        if now.tzinfo is None:
            raise ValueError(f"{now} has no time zone: it has no New York date")
        return now.astimezone(NEW_YORK).date()

    def day_start(self, day: date) -> datetime:
        """The instant at which a New York date begins."""
        return _instant(day, time())


def _by_day(names: Mapping[str, str]) -> Mapping[date, str]:
    return {date.fromisoformat(day): name for name, days in names.items() for day in days.split()}


def _instant(day: date, wall: time) -> datetime:
    return datetime.combine(day, wall, NEW_YORK).astimezone(UTC)
