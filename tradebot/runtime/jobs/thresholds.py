"""Looks at the figures that have a limit of the owner's: tells what is crossed, once, and what is back.

Rules: what is crossed is remembered in the transaction that tells it, so that no restart tells it again. In a session only
what is cheap is looked at.
"""

from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.analytics.thresholds import judge
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.performance import ThresholdBack, ThresholdCrossed
from tradebot.domain.hours import Hours
from tradebot.domain.job_plan import THRESHOLDS
from tradebot.ports import Ledger
from tradebot.queries.thresholds import ThresholdReader, crossed_in, key_of
from tradebot.runtime.jobs.record import store_run


@dataclass(frozen=True, slots=True)
class ThresholdsJob:
    """Compares figures with the owner's limits."""

    ledger: Ledger
    reader: ThresholdReader
    hours: Hours

    async def run(self, due: datetime, now: datetime) -> None:
        if not self.reader.limits.any:
            await store_run(self.ledger, THRESHOLDS, due)
            return
        readings = await self.reader.readings(now, everything=not self.hours.calendar.is_open(due))
        async with self.ledger.begin() as books:
            if not await books.record_job(THRESHOLDS, due):
                return
            changes = judge(readings, crossed_in(await books.settings()))
            for one in changes.crossed:
                assert one.value is not None, "what is not known crosses nothing"
                await books.put_setting(key_of(one.key), now.isoformat(), "bot", now)
                facts = ThresholdCrossed(one.threshold, one.strategy, round(one.value, 4), one.limit)
                await books.add_event(NewEvent(facts, now))
            for one, since in changes.back:
                assert one.value is not None, "what is not known brings nothing back"
                await books.forget_setting(key_of(one.key))
                told = ThresholdBack(one.threshold, one.strategy, round(one.value, 4), one.limit, since)
                await books.add_event(NewEvent(told, now))
