"""The jobs by name: one file a job.

Rules: a job is asked for a slot and told the time; it records the run in the transaction that stores what it did, and does
nothing for a slot that is recorded. It raises what it cannot do: the scheduler tells it, and stops no other job.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from tradebot.domain.job_plan import (
    DAILY_BARS,
    DAILY_REPORT,
    EQUITY,
    HEALTH_CHECK,
    MARKET_OPEN,
    MONTHLY_REPORT,
    POSITION_SYNC,
    PRUNE,
    SUNDAY_REMINDER,
    THRESHOLDS,
    WEEKLY_REPORT,
)
from tradebot.domain.restart_window import RestartWindow
from tradebot.ports import Clock, Ledger
from tradebot.queries.daemon import DaemonQueries
from tradebot.runtime.jobs.daily_bars import DailyBarsJob
from tradebot.runtime.jobs.daily_report import DailyReportJob
from tradebot.runtime.jobs.equity import EquityJob
from tradebot.runtime.jobs.health_check import HealthCheckJob
from tradebot.runtime.jobs.login_reminder import LoginReminderJob
from tradebot.runtime.jobs.market_open import MarketOpenJob
from tradebot.runtime.jobs.period_report import PeriodReportJob
from tradebot.runtime.jobs.position_sync import PositionSyncJob
from tradebot.runtime.jobs.prune import PruneJob
from tradebot.runtime.jobs.thresholds import ThresholdsJob

Jobs = Mapping[str, Callable[[datetime, datetime], Awaitable[None]]]
"""What to call for the slot that is due, now. Each raises LedgerUnavailable when nothing could be recorded."""


def all_jobs(
    ledger: Ledger,
    queries: DaemonQueries,
    clock: Clock,
    *,
    requeue: Callable[[], Awaitable[None]],
    restart: RestartWindow,
    heartbeat: Callable[[], Awaitable[None]] | None,
    keep: timedelta | None,
) -> Jobs:
    broker, hours, calendar = queries.broker, queries.run.hours, queries.run.hours.calendar
    return {
        MARKET_OPEN: MarketOpenJob(ledger, requeue).run,
        DAILY_REPORT: DailyReportJob(ledger, queries).run,
        POSITION_SYNC: PositionSyncJob(ledger, broker).run,
        HEALTH_CHECK: HealthCheckJob(ledger, queries, restart, heartbeat).run,
        SUNDAY_REMINDER: LoginReminderJob(ledger, broker, calendar).run,
        EQUITY: EquityJob(ledger, broker).run,
        DAILY_BARS: DailyBarsJob(ledger, broker, hours).run,
        WEEKLY_REPORT: PeriodReportJob(WEEKLY_REPORT, ledger, queries).run,
        MONTHLY_REPORT: PeriodReportJob(MONTHLY_REPORT, ledger, queries).run,
        THRESHOLDS: ThresholdsJob(ledger, queries.thresholds, hours).run,
        PRUNE: PruneJob(ledger, clock, keep).run,
    }
