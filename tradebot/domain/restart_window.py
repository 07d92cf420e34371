"""The gateway's nightly restart: a window on New York's wall clock, in which being away is no alarm and orders wait.

Rules: orders wait from `LEAD` before the window, so that none is in flight when the gateway goes down. A window may span
midnight; one that ends where it starts is none.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from tradebot.domain.calendar import NEW_YORK

LEAD = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class RestartWindow:
    """From `start` to `end`, New York; equal times: there is none."""

    start: time  # New York
    end: time

    def covers(self, now: datetime) -> bool:
        """Whether the restart may happen now or within `LEAD`. Raises ValueError for a naive time."""
        if now.tzinfo is None:
            raise ValueError(f"{now} has no time zone: it has no New York time")
        return self._contains(now) or self._contains(now + LEAD)

    def _contains(self, now: datetime) -> bool:
        wall = now.astimezone(NEW_YORK).time()
        if self.start <= self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end


NO_RESTART = RestartWindow(time(), time())
"""The simulated gateway inside the bot never restarts by itself."""
