"""`tradebot trace`: one alert's whole life, from the database and the log files; no daemon is needed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import as_json, daemon_client, trace_document, trace_page
from tradebot.cli.base import FAILED, cli, do, fail
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.steps import steps
from tradebot.config import Settings
from tradebot.domain.log_lines import LogLine
from tradebot.domain.trades import alert_of
from tradebot.queries.alert_trace import AlertTrace, alert_trace
from tradebot.runtime.log_reading import Wanted, all_lines, begins_at

_BEFORE = timedelta(seconds=1)
"""A line of the log may be older than the row by what the clock was corrected."""


@cli.command()
def trace(
    alert: Annotated[
        str,
        typer.Argument(
            metavar="ALERT_ID", help="Its number, its order's reference, or the message's own \"alert_id\"."
        ),
    ],
    document: Annotated[bool, typer.Option("--json", metavar="", help="One JSON document instead of a page.")] = False,
    config: Config = None,
) -> None:
    """Show one alert's life: message, checks, quote, orders, fills, lots, every step with its time, and who was told.

    Examples: `tradebot trace 12` · `tradebot trace tb-12-ab12cd34` · `tradebot trace 12 --json`
    """
    do(_trace(settings_of(config), alert.strip(), document=document))


async def _trace(settings: Settings, name: str, *, document: bool) -> int:
    """Raises LedgerUnavailable, MigrationError, ConfigError."""
    async with daemon_client.open_database(settings) as ledger:
        found = await alert_trace(ledger, name)
    if found is None:
        fail(_not_there(name), FAILED)
    log = read_log(Path(settings.log.dir), found)
    now = datetime.now(UTC)
    if document:
        as_json.show(trace_document.document(found, steps(found, log.lines), log.note, now))
    else:
        trace_page.show(Console(markup=False, highlight=False), found, steps(found, log.lines), log.note, now)
    return 0


def _not_there(name: str) -> str:
    number = alert_of(name)
    how = "`tradebot alerts` lists the newest with their ids, `tradebot orders --all` every order"
    if number is None:
        return f"there is no alert {name} in this database. {how}"
    return f"there is no order {name} in this database; it names alert {number}, perhaps of another one. {how}"


# --- the log --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Log:
    """What the log files have of an alert. `note`: what they cannot tell, and why; empty where they are whole."""

    lines: list[LogLine]
    note: str


def read_log(folder: Path, trace: AlertTrace) -> Log:
    begun = trace.alert.received_at
    only = "When the quote came, when the order left and what IB said of it stands only there"
    try:
        oldest = begins_at(folder)
        lines = all_lines(folder, Wanted(trace.alert.id, since=begun - _BEFORE))
    except OSError as error:
        return Log([], f"The log files in {folder.absolute()} cannot be read: {error.strerror}. {only}.")
    if oldest is None:
        return Log([], f"There is no log file in {folder.absolute()}. {only}.")
    if oldest > begun:
        return Log(
            lines,
            f"The log files begin {oldest:%Y-%m-%d %H:%M} UTC: what was older is gone ([log] retention_days, total_mb). {only}.",
        )
    return Log(
        lines, "" if lines else f"The log files have no line of this alert ([log] level, or another log.dir). {only}."
    )
