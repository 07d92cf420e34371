"""Takes away, at night, what is old and needed by nobody: what may go is the database's to know (`retention.sql`).

Rules: small steps, each a transaction of its own with a pause after it, so that nothing waits long behind one; a night's work
is bounded, for the other jobs wait meanwhile: what is left goes in the next nights. The run is recorded with the first step:
what ends it, a stop of the daemon or of the database, leaves the rest to the next night too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from loguru import logger

from tradebot.domain.job_plan import PRUNE
from tradebot.ports import Clock, Ledger
from tradebot.runtime.jobs.record import store_run

STEP_ROWS = 200
PAUSE_S = 0.1
NIGHT_S = 30.0
"""How long it works in a night; well below what the scheduler lets a job take."""


@dataclass(frozen=True, slots=True)
class PruneJob:
    ledger: Ledger
    clock: Clock
    keep: timedelta | None  # None: for ever

    async def run(self, due: datetime, now: datetime) -> None:
        if self.keep is None:
            await store_run(self.ledger, PRUNE, due)
            return
        before, until = now - self.keep, self.clock.monotonic() + NIGHT_S
        async with self.ledger.begin() as books:
            if not await books.record_job(PRUNE, due):
                return
            gone = step = await books.prune(before, STEP_ROWS)
        while step and self.clock.monotonic() < until:
            await self.clock.sleep(PAUSE_S)
            async with self.ledger.begin() as books:
                step = await books.prune(before, STEP_ROWS)
            gone += step
        logger.debug("database: {} rows from before {:%Y-%m-%d} are gone{}", gone, before, ", not all yet" * bool(step))
