"""Time and chance."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The wall clock, which somebody may set at any moment, and the time that only goes on."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds since some unnamed beginning, as the event loop counts them."""

    async def sleep(self, seconds: float) -> None: ...


Chance = Callable[[int], str]
"""So many random bytes, in hex. What must not be guessed is made of them: they are from a cryptographic source."""
