"""Runs the jobs when their cron lines are due, New York time.

Rules:
- One function sleeps; what is due, and what was missed, is computed from the time given (`domain/job_plan.py`). Sleep is
  bounded, so that a clock that is set, or a machine that slept, is noticed.
- A run is keyed by (job, slot) in the database and recorded in the transaction that stores what it did: never twice, over
  restarts and clock changes.
- A job that fails is reported once and stops no other. When the database is away nothing can be recorded: it is tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from loguru import logger

from tradebot.domain.cron import next_fire
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.daemon import JobFailed, JobFailure, JobMissed
from tradebot.domain.job_plan import MARKET_OPEN, Plan, due, next_run
from tradebot.errors import LedgerUnavailable, TradebotError
from tradebot.ports import Clock, Ledger, Pulse
from tradebot.runtime.jobs.record import store_run
from tradebot.trading.every import every

Work = Callable[[datetime, datetime], Awaitable[None]]
"""Does a job for a slot, now, and records the run in its own transaction."""

SLEEP_MAX_S = 10.0
RETRY_S = 5.0
JOB_MAX_S = 60.0


class Scheduler:
    """Runs each job once a slot."""

    def __init__(self, ledger: Ledger, jobs: Sequence[tuple[Plan, Work]], clock: Clock, pulse: Pulse) -> None:
        self._ledger = ledger
        self._jobs = jobs
        self._clock = clock
        self._beat = pulse.of("scheduler")
        self._done_to: dict[str, datetime | None] = {}  # everything up to here is done; None: the job has never run
        self._next: dict[str, datetime] = {}
        self._last_tick: datetime | None = None

    async def run(self) -> None:
        await every(RETRY_S, self._step, what="jobs wait for the database", clock=self._clock, beat=self._beat)

    async def _step(self) -> float:
        await self.tick(self._clock.now())
        return self.pause_s(self._clock.now())

    def pause_s(self, now: datetime) -> float:
        """Seconds until something is due, or until the clock is looked at again."""
        return min(max((self.next_due() - now).total_seconds(), 0.0), SLEEP_MAX_S)

    def next_due(self) -> datetime:
        """When the next job is due; known after the first tick."""
        return min(self._next.values())

    async def tick(self, now: datetime) -> None:
        """Does everything that is due now. Raises LedgerUnavailable when a job could not be recorded: the others were done."""
        if self._last_tick is None:
            await self._begin(now)
        elif now < self._last_tick:
            self._clock_set_back(now)
        self._last_tick = now
        away: LedgerUnavailable | None = None
        for plan, work in self._jobs:
            if now < self._next[plan.name]:
                continue
            self._beat()
            try:
                await self._catch_up(plan, work, now)
            except LedgerUnavailable as error:
                away = error
        if away is not None:
            raise away

    async def _begin(self, now: datetime) -> None:
        async with self._ledger.read() as books:
            recorded = await books.job_runs()
        # The opening is recorded by whoever notices it first, on a fresh database at once: it says nothing of the other jobs.
        since = min((slot for job, slot in recorded.items() if job != MARKET_OPEN), default=None)
        for plan, _ in self._jobs:
            last = recorded.get(plan.name, since)  # one that has not run yet was there since the others ran
            self._done_to[plan.name] = None if last is None else min(last, now)
            self._next[plan.name] = now

    def _clock_set_back(self, now: datetime) -> None:
        """What comes round again is known in the database, and not done again."""
        for plan, _ in self._jobs:
            self._done_to[plan.name] = min(self._done_to[plan.name] or now, now)
            self._next[plan.name] = next_fire(plan.cron, now)

    async def _catch_up(self, plan: Plan, work: Work, now: datetime) -> None:
        wanted = due(plan, self._done_to[plan.name], now)
        if wanted.missed:
            missed = JobMissed(plan.name, tuple(wanted.missed))
            await store_run(self._ledger, plan.name, wanted.missed[-1], [NewEvent(missed, now)])
        if wanted.run is not None:
            await self._do(plan, work, wanted.run, now)
        self._done_to[plan.name] = now
        self._next[plan.name] = next_fire(plan.cron, now)

    async def _do(self, plan: Plan, work: Work, slot: datetime, now: datetime) -> None:
        try:
            async with asyncio.timeout(JOB_MAX_S):
                await work(slot, now)
        except LedgerUnavailable:
            raise
        except TradebotError as error:
            await self._add_failed(plan, slot, now, JobFailure.ERROR, str(error))
        except TimeoutError:
            await self._add_failed(plan, slot, now, JobFailure.TIMEOUT, f"{JOB_MAX_S:.0f} s")
        except Exception as error:
            logger.exception("job {}", plan.name)
            await self._add_failed(plan, slot, now, JobFailure.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
        else:
            logger.debug("job {} of {} done", plan.name, slot.isoformat())

    async def _add_failed(self, plan: Plan, slot: datetime, now: datetime, code: JobFailure, detail: str) -> None:
        failed = JobFailed(plan.name, (slot,), code, detail, next_run(plan, now))
        await store_run(self._ledger, plan.name, slot, [NewEvent(failed, now)])
