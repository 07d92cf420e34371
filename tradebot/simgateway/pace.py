"""How fast a client may send: every message counts, one too many is not read, and a client that goes on is cut off."""

from __future__ import annotations

from collections import deque

WINDOW_S = 1.0
VIOLATIONS_MAX = 3


class Pace:
    """The messages of one client within the last second."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque()
        self.violations = 0

    def exceeds(self, most: int, now: float, waited_s: float) -> bool:
        """Whether this message is one too many. It may have waited up to ``waited_s`` before the gateway came to read it.

        In doubt it arrived when it was still allowed: a gateway that stood still must not blame its clients.
        """
        arrived = max(now - waited_s, self._arrivals[-1] if self._arrivals else 0.0)
        if len(self._arrivals) >= most:
            arrived = max(arrived, self._arrivals[-most] + WINDOW_S)
        if arrived > now:
            self.violations += 1
            return True
        self._arrivals.append(arrived)
        while len(self._arrivals) > most:
            self._arrivals.popleft()
        return False
