"""The page that Prometheus reads: what was counted, and how things stand.

Rules:
- A registry of its own: what a library adds to the global one is not shown.
- Who asks often is answered from what was read a moment ago; the database is read in short transactions, by one at a time, with a
  time-out, and stands in nobody's way. When it does not answer, the page says so and shows the rest.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from loguru import logger
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from tradebot.errors import LedgerUnavailable
from tradebot.queries.daemon import DaemonQueries
from tradebot.queries.health import Health
from tradebot.queries.measurements import Measurements, measure
from tradebot.trading.booking import Listeners
from tradebot.web.metrics.counters import Counters
from tradebot.web.metrics.counting import Counting, count_log_lines
from tradebot.web.metrics.gauges import Gauges, Now

KEPT_S = 5.0
BUSY_SHARE = 0.02
"""Of the time, at most, is the database read for this, however much is going on."""
READ_WITHIN_S = HEALTH_WITHIN_S = 2.0
LAG_EVERY_S = 0.5
"""How often the loop is asked how late it comes."""


class Metrics:
    """Counts from its making on, and shows what it counted and how things stand."""

    def __init__(self, queries: DaemonQueries, listeners: Listeners) -> None:
        self._queries = queries
        self.registry = CollectorRegistry()
        self.counters = Counters(self.registry)
        self.counters.begin(queries.run.strategies)
        Counting(self.counters, queries.ledger.hearers, listeners, queries.clock)
        self._gauges = Gauges()
        self.registry.register(self._gauges)
        ProcessCollector(namespace="tradebot", registry=self.registry)
        GCCollector(registry=self.registry)
        self._read: Measurements | None = None
        self._health: Health | None = None
        self._health_until = self._read_until = 0.0
        self._turn = asyncio.Lock()

    async def page(self, accept: str) -> tuple[bytes, str]:
        """What is shown to who accepts this, and its content type."""
        async with self._turn:
            await self._look()
        self._gauges.now = Now(self._queries, self._read, self._health)
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    async def _look(self) -> None:
        """Anew, where what was found is no longer good."""
        clock = self._queries.clock
        if clock.monotonic() >= self._health_until:
            self._health = await self._healthy()
            self._health_until = clock.monotonic() + KEPT_S
        if clock.monotonic() >= self._read_until:
            self._read = await self._measured()
            took_s = self._read.took_s if self._read else 0.0
            self._read_until = clock.monotonic() + max(KEPT_S, took_s / BUSY_SHARE)

    async def _measured(self) -> Measurements | None:
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                return await measure(self._queries)
        except (LedgerUnavailable, TimeoutError) as error:
            logger.debug("the metrics' page is without what the database knows: {}", error)
            return None

    async def _healthy(self) -> Health | None:
        try:
            async with asyncio.timeout(HEALTH_WITHIN_S):
                return await self._queries.health()
        except (LedgerUnavailable, TimeoutError):
            return None

    def begin(self) -> Callable[[], None]:
        """Counts the log's lines and times the loop, until what is returned is called."""
        sink, loop = count_log_lines(self.counters), asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def tick(due: float) -> None:
            nonlocal timer
            self.counters.lag.observe(max(loop.time() - due, 0.0))
            timer = loop.call_later(LAG_EVERY_S, tick, loop.time() + LAG_EVERY_S)

        def end() -> None:
            timer.cancel()
            with suppress(ValueError):  # the log was set up anew: it is gone
                logger.remove(sink)

        timer = loop.call_later(LAG_EVERY_S, tick, loop.time() + LAG_EVERY_S)
        return end
