"""`tradebot jobs`: what runs when, from the configured lines and the database."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from tradebot.cli import daemon_client
from tradebot.cli.base import cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.config import Settings
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.events import EventKind
from tradebot.domain.job_plan import next_run, plans
from tradebot.queries.jobs import JobHistory, job_history

_NOT_DONE = {EventKind.JOB_FAILED: " (failed)", EventKind.JOB_MISSED: " (missed)"}


@cli.command("jobs")
def show_jobs(config: Config = None) -> None:
    """Show each scheduled job: its line in the configuration, its last run and its next, New York time.

    Example: `tradebot jobs`
    """
    settings = settings_of(config)
    do(_show(settings, datetime.now(UTC)))


async def _show(settings: Settings, now: datetime) -> int:
    """Prints each job's line, last and next run. Raises LedgerUnavailable."""
    async with daemon_client.open_database(settings) as ledger:
        history = await job_history(ledger, now)
    table = Table(box=None, pad_edge=False)
    for heading in ("job", "New York time", "last run", "next run"):
        table.add_column(heading, no_wrap=True)
    for plan in plans(settings.schedule.crons(), settings.trading.open_hours().calendar):
        ran, comes = history.last.get(plan.name), next_run(plan, now)
        table.add_row(
            plan.name,
            plan.cron,
            f"{_when(ran)}{_how(history, plan.name, ran)}" if ran else "never",
            _when(comes) if comes else "not within a year",
        )
    Console(markup=False, highlight=False, soft_wrap=True).print(table)
    return 0


def _how(history: JobHistory, job: str, slot: datetime) -> str:
    kind = history.not_done.get((job, slot))
    return _NOT_DONE[kind] if kind else ""


def _when(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M}"
