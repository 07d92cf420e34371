"""The five jobs: market open, daily report, position sync, health check, Sunday reminder.

Rules: a job is asked for a slot and told the time; it records the run in the transaction that stores what it did, and does
nothing for a slot that is recorded. It raises what it cannot do: the scheduler tells it, and stops no other job.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from tradebot.domain.cron import next_fire, slot
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import PositionsCompared
from tradebot.domain.facts.daemon import LoginReminder
from tradebot.domain.job_plan import (
    DAILY_REPORT,
    HEALTH_CHECK,
    MARKET_OPEN,
    POSITION_SYNC,
    SUNDAY_REMINDER,
    last_session,
)
from tradebot.domain.restart_window import RestartWindow
from tradebot.ports import Ledger
from tradebot.queries import daily_report as report
from tradebot.queries.daemon import DaemonQueries
from tradebot.runtime.jobs.health_alerts import Failing, examine
from tradebot.trading.positions import tell_differences
from tradebot.words.health import health_parts

LOGIN_ENDS = "0 1 * * 0"  # New York: IB Gateway's login lasts until Sunday 01:00 (IBKR, Auto Restart)


class Jobs:
    """What each job does; `by_name` hands them to the scheduler."""

    def __init__(
        self,
        ledger: Ledger,
        queries: DaemonQueries,
        *,
        requeue: Callable[[], Awaitable[None]],
        restart: RestartWindow,
        heartbeat: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self._ledger = ledger
        self._queries = queries
        self._broker = queries.broker
        self._hours = queries.run.hours
        self._requeue = requeue
        self._restart = restart
        self._heartbeat = heartbeat
        self._failing: Mapping[str, Failing] = {}

    def by_name(self) -> Mapping[str, Callable[[datetime, datetime], Awaitable[None]]]:
        """What to call for the slot that is due, now. Each raises LedgerUnavailable when nothing could be recorded."""
        return {
            MARKET_OPEN: self.market_open,
            DAILY_REPORT: self.daily_report,
            POSITION_SYNC: self.position_sync,
            HEALTH_CHECK: self.health_check,
            SUNDAY_REMINDER: self.sunday_reminder,
        }

    async def market_open(self, due: datetime, now: datetime) -> None:
        """What waited goes on at once. The requeue tells it, for it may notice the open first. Raises QueueUnavailable too."""
        await self._requeue()
        await self._store(MARKET_OPEN, due, ())

    async def daily_report(self, due: datetime, now: datetime) -> None:
        session = last_session(self._hours.calendar, due)
        account = self._broker.account()
        defaults = self._queries.run.defaults
        async with self._ledger.begin() as books:
            if not await books.record_job(DAILY_REPORT, due):
                return
            done = await report.gather(
                books, session, defaults, self._hours, now, account=account, broker_positions=self._broker.positions()
            )
            await books.add_event(NewEvent(done, now))

    async def position_sync(self, due: datetime, now: datetime) -> None:
        """Raises BrokerUnavailable too: what IB does not answer cannot be compared."""
        position_report = await self._broker.position_report()
        async with self._ledger.begin() as books:
            if not await books.record_job(POSITION_SYNC, due):
                return
            rows = await tell_differences(books, position_report.positions, now, mismatches_again=True)
            if rows:
                await books.add_event(NewEvent(PositionsCompared(tuple(rows)), now))

    async def health_check(self, due: datetime, now: datetime) -> None:
        health = await self._queries.health()
        finding = examine(health_parts(health), self._failing, now, restarting=self._restart.covers(now))
        # Remembered at once, for what began while the database was away; as told only when that is stored.
        began = {name: Failing(one.since, None) for name, one in finding.failing.items()}
        self._failing = {**began, **self._failing}
        await self._store(HEALTH_CHECK, due, finding.events)
        self._failing = finding.failing
        if finding.well and self._heartbeat is not None:
            await self._heartbeat()

    async def sunday_reminder(self, due: datetime, now: datetime) -> None:
        await self._store(SUNDAY_REMINDER, due, (NewEvent(self._reminder(now), now),))

    async def _store(self, job: str, due: datetime, events: Sequence[NewEvent]) -> None:
        async with self._ledger.begin() as books:
            if await books.record_job(job, due):
                for event in events:
                    await books.add_event(event)

    def _reminder(self, now: datetime) -> LoginReminder:
        connection = self._broker.connection
        return LoginReminder(
            ended=slot(LOGIN_ENDS, now),
            dies=next_fire(LOGIN_ENDS, now),
            opens=self._hours.calendar.next_open(now),
            connected=connection.up and connection.upstream,
            since=connection.since,
        )
