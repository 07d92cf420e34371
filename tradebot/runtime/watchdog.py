"""Feeds systemd's watchdog while every component makes progress, and tells which one does not.

Rules:
- Who is stuck is told at once, to the log with where every task waits, and to the owner; the feeding stops, and systemd starts
  the bot anew. Where nothing watches, the owner is told to do it.
- A process that has itself stood still (suspended, stopped, a frozen machine) knows nothing of its components: they have their
  time again. So they have when the watching begins: the start may have waited for the database.
"""

from collections.abc import Awaitable, Callable

from loguru import logger

from tradebot.domain.events import Facts
from tradebot.domain.facts.daemon import ComponentStuck
from tradebot.listener import answers
from tradebot.ports import Clock
from tradebot.runtime import systemd
from tradebot.runtime.pulse import Pulse, standing
from tradebot.trading.every import every
from tradebot.webhook import Webhook

LOOK_EVERY_S = 5.0
ANSWERS_WITHIN_S = 300.0
"""Even of a webhook that is asked by very many at once."""
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
        self._pulse.begin_anew()
        await every(self._look_every_s, self.look, what="watchdog", clock=self._clock, beat=self._pulse.of("watchdog"))

    async def look(self) -> None:
        """Feeds systemd, or tells why not."""
        still_s = 0.0 if self._looked is None else self._clock.monotonic() - self._looked
        if still_s > self._look_every_s + STOOD_STILL_S:
            logger.warning("this process has stood still for {:.0f} s", still_s)
            self._pulse.begin_anew()
        stuck = self._pulse.stuck()
        if not stuck:
            systemd.notify("WATCHDOG=1")
        told, self._told = self._told, frozenset(stuck)
        for name in told - self._told:
            logger.warning("{} goes on", name)
        for name in sorted(self._told - told):
            await self._tell_of(name, stuck[name])
        self._looked = self._clock.monotonic()  # after the telling, which may wait for the database

    async def _tell_of(self, name: str, for_s: float) -> None:
        what_now = "systemd is left to start the bot anew" if self._is_watched else "start the bot anew"
        logger.critical(
            "{} has made no progress for {:.0f} s, which is a mistake in tradebot: {}", name, for_s, what_now
        )
        for line in list(standing())[:TASKS_SHOWN_MAX]:
            logger.warning("task {}", line)
        systemd.status(f"STUCK: {name} has made no progress for {for_s:.0f} s: {what_now}")
        await self._tell(ComponentStuck(name, for_s, restarts=self._is_watched))


async def look_at_webhook(webhook: Webhook, pulse: Pulse) -> None:
    """Its beat is the answer, not the question; watched from the first on, for a firewall may keep the bot from itself."""
    if await answers(webhook.address, webhook.port):
        pulse.of("webhook", ANSWERS_WITHIN_S)
