"""How old stored alerts are, whatever becomes of the machine's clock."""

from datetime import datetime, timedelta

from tradebot.domain.alerts import Alert
from tradebot.ports import Clock

SAME_ALERT_WINDOW = timedelta(seconds=60)  # covers TradingView's resends: 5 s after each failure, up to three


class Ages:
    """How old stored alerts are, by monotonic time: a step of the clock makes none older or younger."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self._born: dict[int, float] = {}  # ids of the last minute, oldest first

    def born(self, alert_id: int) -> None:
        now = self._clock.monotonic()
        self._born.pop(alert_id, None)  # of a transaction that was not committed
        self._born[alert_id] = now
        while now - next(iter(self._born.values())) >= SAME_ALERT_WINDOW.total_seconds():
            del self._born[next(iter(self._born))]

    def age_s(self, alert: Alert, now: datetime) -> float:
        """How old it is at least: one from before the start is as old as the clock says, and older than this process."""
        age_s = self._clock.monotonic() - self._born.get(alert.id, self._started)
        return age_s if alert.id in self._born else max(age_s, (now - alert.received_at).total_seconds())

    def is_recent(self, alert: Alert, now: datetime) -> bool:
        """One from before the start is as old as the clock says, and older than this process."""
        age_s = self._clock.monotonic() - self._born.get(alert.id, self._started)
        by_clock = alert.id in self._born or now - alert.received_at < SAME_ALERT_WINDOW
        return by_clock and age_s < SAME_ALERT_WINDOW.total_seconds()
