"""Looks at every part, tells what fails and what is back, and pings the owner's dead-man's switch when all is well."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from tradebot.domain.job_plan import HEALTH_CHECK
from tradebot.domain.restart_window import RestartWindow
from tradebot.ports import Ledger
from tradebot.queries.daemon import DaemonQueries
from tradebot.runtime.jobs.health_alerts import Failing, examine
from tradebot.runtime.jobs.record import store_run
from tradebot.words.health import health_parts


class HealthCheckJob:
    def __init__(
        self,
        ledger: Ledger,
        queries: DaemonQueries,
        restart: RestartWindow,
        heartbeat: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self._ledger = ledger
        self._queries = queries
        self._restart = restart
        self._heartbeat = heartbeat
        self._failing: Mapping[str, Failing] = {}

    async def run(self, due: datetime, now: datetime) -> None:
        health = await self._queries.health()
        finding = examine(health_parts(health), self._failing, now, restarting=self._restart.covers(now))
        # Remembered at once, for what began while the database was away; as told only when that is stored.
        began = {name: Failing(one.since, None) for name, one in finding.failing.items()}
        self._failing = {**began, **self._failing}
        await store_run(self._ledger, HEALTH_CHECK, due, finding.events)
        self._failing = finding.failing
        if finding.well and self._heartbeat is not None:
            await self._heartbeat()
