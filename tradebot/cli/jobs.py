"""`tradebot jobs`: what runs when, from the configured lines and the database."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from tradebot.cli import daemon_client
from tradebot.cli.base import Config, cli, do, settings_of
from tradebot.config import Settings
from tradebot.database import open_ledger
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.events import EventKind
from tradebot.domain.job_plan import next_run, plans

_NOT_DONE = {EventKind.JOB_FAILED: " (failed)", EventKind.JOB_MISSED: " (missed)"}


@cli.command("jobs")
def show_jobs(config: Config = None) -> None:
    """Show each scheduled job: its line in the configuration, its last run and its next, New York time.

    Example: `tradebot jobs`
    """
    settings = settings_of(config)
    daemon_client.database(settings)
    do(_show(settings, datetime.now(UTC)))


async def _show(settings: Settings, now: datetime) -> int:
    """Prints each job's line, last and next run. Raises LedgerUnavailable."""
    async with open_ledger(settings.database.url.get_secret_value()) as ledger, ledger.read() as books:
        last = await books.job_runs()
        told = await books.events_since(_NOT_DONE, min(last.values(), default=now))
    not_done: dict[tuple[object, object], str] = {}
    for event in told:
        slots = event.data.get("slots")
        for slot in slots if isinstance(slots, list) else ():
            not_done[event.data.get("job"), slot] = _NOT_DONE[event.kind]
    table = Table(box=None, pad_edge=False)
    for heading in ("job", "New York time", "last run", "next run"):
        table.add_column(heading, no_wrap=True)
    for plan in plans(settings.schedule.crons(), settings.trading.open_hours().calendar):
        ran, comes = last.get(plan.name), next_run(plan, now)
        table.add_row(
            plan.name,
            plan.cron,
            f"{_when(ran)}{not_done.get((plan.name, ran.isoformat()), '')}" if ran else "never",
            _when(comes) if comes else "not within a year",
        )
    Console(highlight=False, soft_wrap=True).print(table)
    return 0


def _when(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M}"
