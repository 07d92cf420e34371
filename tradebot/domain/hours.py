"""When the bot trades: the exchange's sessions, or always (simulated and paper accounts only)."""

from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Hours:
    """When alerts are traded. `always`: regardless of the calendar."""

    calendar: Calendar
    always: bool = False

    def is_open(self, now: datetime) -> bool:
        return self.always or self.calendar.is_open(now)

    def waited_s(self, received_at: datetime, now: datetime) -> float:
        """Seconds an alert has waited: since its receipt, or since the session opened if that came later."""
        session = None if self.always else self.calendar.current(now)
        since = received_at if session is None else max(received_at, session.open)
        return (now - since).total_seconds()

    def day_start(self, now: datetime) -> datetime:
        """The beginning of the New York date: what the daily limits count from."""
        return self.calendar.day_start(self.calendar.trading_date(now))
