"""Feeds systemd's watchdog while every component makes progress, and tells which one does not.

Rules:
- Who is stuck is told at once, to the log with where every task waits, and to the owner; the feeding stops, and systemd starts
  the bot anew. Where nothing watches, the owner is told to do it.
- A process that has itself stood still (suspended, stopped, a frozen machine) knows nothing of its components: they have their
  time again.
"""

from collections.abc import Awaitable, Callable

from loguru import logger

from tradebot.domain.events import Facts
from tradebot.domain.facts.daemon import ComponentStuck
from tradebot.ports import Clock
from tradebot.runtime import systemd
from tradebot.runtime.pulse import Pulse, standing
from tradebot.trading.every import every

LOOK_EVERY_S = 5.0
STOOD_STILL_S = 15.0
TASKS_SHOWN_MAX = 100


class Watchdog:
    """Looks at the pulse. `fed_every_s`: how often systemd wants to hear of it; None: it does not watch."""

    def __init__(
        self, pulse: Pulse, clock: Clock, tell: Callable[[Facts], Awaitable[None]], *, fed_every_s: float | None
    ) -> None:
        self._pulse = pulse
        self._clock = clock
        self._tell = tell
        self._is_watched = fed_every_s is not None
        self._look_every_s = min(LOOK_EVERY_S, fed_every_s or LOOK_EVERY_S)
        self._looked: float | None = None
        self._told: frozenset[str] = frozenset()

    async def run(self) -> None:
        await every(self._look_every_s, self.look, what="watchdog", clock=self._clock, beat=self._pulse.of("watchdog"))

    async def look(self) -> None:
        """Feeds systemd, or tells why not."""
        before, self._looked = self._looked, self._clock.monotonic()
        if before is not None and self._looked - before > self._look_every_s + STOOD_STILL_S:
            logger.warning("this process has stood still for {:.0f} s", self._looked - before)
            self._pulse.begin_anew()
        stuck = self._pulse.stuck()
        if not stuck:
            systemd.notify("WATCHDOG=1")
        told, self._told = self._told, frozenset(stuck)
        for name in told - self._told:
            logger.warning("{} goes on", name)
        for name in sorted(self._told - told):
            await self._tell_of(name, stuck[name])

    async def _tell_of(self, name: str, for_s: float) -> None:
        what_now = "systemd is left to start the bot anew" if self._is_watched else "start the bot anew"
        logger.critical(
            "{} has made no progress for {:.0f} s, which is a mistake in tradebot: {}", name, for_s, what_now
        )
        for line in list(standing())[:TASKS_SHOWN_MAX]:
            logger.warning("task {}", line)
        systemd.status(f"STUCK: {name} has made no progress for {for_s:.0f} s: {what_now}")
        await self._tell(ComponentStuck(name, for_s, restarts=self._is_watched))
