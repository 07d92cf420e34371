"""The report of a week or a month, after its last session's close."""

from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.calendar_units import Unit
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.performance import MonthlyReport, PeriodReport, WeeklyReport
from tradebot.domain.job_plan import MONTHLY_REPORT, WEEKLY_REPORT, last_session
from tradebot.domain.period import Period
from tradebot.ports import Ledger
from tradebot.queries.daemon import DaemonQueries
from tradebot.runtime.jobs.record import store_run

_KINDS: dict[str, tuple[Unit, type[PeriodReport]]] = {
    WEEKLY_REPORT: (Unit.WEEK, WeeklyReport),
    MONTHLY_REPORT: (Unit.MONTH, MonthlyReport),
}


@dataclass(frozen=True, slots=True)
class PeriodReportJob:
    """The weekly or the monthly report, once."""

    name: str
    ledger: Ledger
    queries: DaemonQueries

    async def run(self, due: datetime, now: datetime) -> None:
        from tradebot.queries.period_report import report  # noqa: PLC0415 - memory: once a week

        unit, kind = _KINDS[self.name]
        session = last_session(self.queries.run.hours.calendar, due)
        found = await self.queries.performance.of(Period.of(unit, session.date))
        await store_run(self.ledger, self.name, due, [NewEvent(report(kind, found), now)])
