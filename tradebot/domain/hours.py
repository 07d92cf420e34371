"""When the bot trades: the exchange's sessions, or always (simulated and paper accounts only)."""

from dataclasses import dataclass
from datetime import datetime, time

from tradebot.domain.calendar import CLOSE, EARLY_CLOSE, Calendar


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

    def flat_by(self, usual: time | None, now: datetime) -> time | None:
        """By when a strategy is to be flat today: before an early close as long as else before the usual one."""
        session = None if self.always else self.calendar.session(self.calendar.trading_date(now))
        if usual is None or session is None or not session.early or usual < EARLY_CLOSE:
            return usual
        usual_close = datetime.combine(session.date, CLOSE)
        return (
            datetime.combine(session.date, EARLY_CLOSE) - (usual_close - datetime.combine(session.date, usual))
        ).time()

    def day_start(self, now: datetime) -> datetime:
        """The beginning of the New York date: what the daily limits count from."""
        return self.calendar.day_start(self.calendar.trading_date(now))
