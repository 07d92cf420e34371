"""The books against IB's positions, ticker by ticker; each mismatch is told again as long as it lasts."""

from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import PositionsCompared
from tradebot.domain.job_plan import POSITION_SYNC
from tradebot.ports import Broker, Ledger
from tradebot.trading.positions import tell_differences


@dataclass(frozen=True, slots=True)
class PositionSyncJob:
    ledger: Ledger
    broker: Broker

    async def run(self, due: datetime, now: datetime) -> None:
        """Raises BrokerUnavailable too: what IB does not answer cannot be compared."""
        report = await self.broker.position_report()
        async with self.ledger.begin() as books:
            if not await books.record_job(POSITION_SYNC, due):
                return
            rows = await tell_differences(books, report.positions, now, mismatches_again=True)
            if rows:
                await books.add_event(NewEvent(PositionsCompared(tuple(rows)), now))
