"""At the open, what waited goes on at once. The requeue tells it, for it may notice the open first."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.job_plan import MARKET_OPEN
from tradebot.ports import Ledger
from tradebot.runtime.jobs.record import store_run


@dataclass(frozen=True, slots=True)
class MarketOpenJob:
    ledger: Ledger
    requeue: Callable[[], Awaitable[None]]

    async def run(self, due: datetime, now: datetime) -> None:
        """Raises QueueUnavailable too."""
        await self.requeue()
        await store_run(self.ledger, MARKET_OPEN, due)
