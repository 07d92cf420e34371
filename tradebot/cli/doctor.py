"""`tradebot doctor`: what is wrong with this installation, and how to put it right."""

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from loguru import logger
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tradebot.cli import daemon_client
from tradebot.cli.base import cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.config.loading import DEFAULT_FILE
from tradebot.errors import ConfigError

if TYPE_CHECKING:
    from tradebot.runtime.doctor import Line, Report, Section

_STYLES = {"ok": "green", "warning": "bold yellow", "failure": "bold red", "not checked": "dim"}
_SHOWN = {"failure": "FAILURE", "not checked": "-"}
_WIDTH_MAX = 120


@cli.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="The same as one JSON document.")] = False,
    live: Annotated[
        bool, typer.Option("--live", metavar="", help="Also what has to be so before real money is traded.")
    ] = False,
    public: Annotated[
        str | None, typer.Option(metavar="URL", help="The webhook's address outside, as https://bot.example.com.")
    ] = None,
    ticker: Annotated[str, typer.Option(metavar="TICKER", help="Whose market data and order to ask IB for.")] = "AAPL",
    config: Config = None,
) -> None:
    """Check this installation: each thing with what was found and how to put it right. Changes and sends nothing.

    Examples: `tradebot doctor` · `tradebot doctor --public https://bot.example.com` · `tradebot doctor --live`

    Exit code 0 when nothing failed, 1 when something did, 2 when the configuration itself is wrong.
    """
    do(_doctor(config, ticker=ticker.upper(), public=public, live=live, as_json=as_json))


async def _doctor(config: Path | None, *, ticker: str, public: str | None, live: bool, as_json: bool) -> int:
    from tradebot.runtime.doctor import Asked, examine, wrong_configuration

    try:
        settings = settings_of(config)
    except ConfigError as error:
        report = wrong_configuration(error)
    else:
        health = partial(daemon_client.health, daemon_client.health_url(settings))
        file = config or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
        logger.disable("tradebot")  # the report says it, and the terminal is the report's
        report = await examine(Asked(settings, health, file, os.environ, ticker, public, live))
        logger.enable("tradebot")
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2, ensure_ascii=False))
    else:
        show(report, Console(markup=False, highlight=False))
    if (
        report.late
    ):  # whatever hangs (a name that is being looked up, a disk) would be waited for at the end of the process
        sys.stdout.flush()
        os._exit(report.exit_code)
    return report.exit_code


# --- what a person reads ----------------------------------------------------------------------------------------------


def show(report: "Report", out: Console) -> None:
    """Prints the report for a terminal of any width."""
    width = min(out.width, _WIDTH_MAX)
    names = max(len(line.check) for line in report.lines)
    for section in report.sections:
        out.print(Text(f"\n{section.title}", style="bold"))
        out.print(_table(section, names), width=width)
    out.print(Text.assemble("\n", *_summary(report)), width=width)


def _table(section: "Section", names: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=len("FAILURE"))
    table.add_column(no_wrap=True, min_width=names)
    table.add_column(overflow="fold")
    for line in section.lines:
        table.add_row(Text(_SHOWN.get(line.status, line.status), style=_STYLES[line.status]), line.check, _found(line))
    return table


def _found(line: "Line") -> Group | Text:
    found = Text(
        line.found,
        style="bold red"
        if "REAL MONEY" in line.found
        else _STYLES["not checked"]
        if line.status == "not checked"
        else "",
    )
    if not line.fix:
        return found
    arrow = Table.grid(padding=(0, 1, 0, 0))
    arrow.add_row(Text("→", style="cyan"), Text(line.fix, style="cyan", overflow="fold"))
    return Group(found, arrow)


def _summary(report: "Report") -> list[tuple[str, str]]:
    from tradebot.runtime.doctor import Status

    counts = {status: report.count(status) for status in Status}
    failed, warned = counts[Status.FAILURE], counts[Status.WARNING]
    which = ", ".join(dict.fromkeys(line.check for line in report.lines if line.status is Status.FAILURE))
    words = [(f"{failed} failure{'s' * (failed != 1)} ({which})", _STYLES["failure"])] if failed else []
    words += [(f"{warned} warning{'s' * (warned != 1)}", _STYLES["warning"])] if warned else []
    words += [(f"{counts[Status.OK]} ok", _STYLES["ok"])]
    words += (
        [(f"{counts[Status.NOT_CHECKED]} not checked", _STYLES["not checked"])] if counts[Status.NOT_CHECKED] else []
    )
    return [part for n, word in enumerate(words) for part in ([(", ", "")] if n else []) + [word]]
