"""The report of the last session, in one reading of the books."""

from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.events import NewEvent
from tradebot.domain.job_plan import DAILY_REPORT, last_session
from tradebot.ports import Ledger
from tradebot.queries import daily_report
from tradebot.queries.daemon import DaemonQueries


@dataclass(frozen=True, slots=True)
class DailyReportJob:
    """The daily report, once a session."""

    ledger: Ledger
    queries: DaemonQueries

    async def run(self, due: datetime, now: datetime) -> None:
        broker, settings = self.queries.broker, self.queries.run
        session = last_session(settings.hours.calendar, due)
        account, positions = broker.account(), broker.positions()
        async with self.ledger.begin() as books:
            if not await books.record_job(DAILY_REPORT, due):
                return
            report = await daily_report.gather(
                books,
                session,
                settings.defaults,
                settings.hours,
                now,
                account=account,
                broker_positions=positions,
                loss_basis=settings.fixed_limits.daily_loss_basis,
                strategies=settings.strategies,
            )
            await books.add_event(NewEvent(report, now))
