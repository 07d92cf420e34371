"""`tradebot export`: lots, orders or executions as a file for the tax return.

Rules: CSV is RFC 4180's (a header, CRLF, quotes where needed), figures are exact, and no text can be taken for a formula by the
program that opens it. The file is there whole or not at all.
"""

import csv
import io
import json
import os
import re
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import daemon_client
from tradebot.cli.base import cli, do
from tradebot.cli.of_strategy import OfStrategy, check, several
from tradebot.cli.settings import Config, settings_of
from tradebot.config import Settings
from tradebot.errors import ConfigError
from tradebot.queries.export import Export, What, export
from tradebot.words import figures

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # begins one in some spreadsheet program


@cli.command("export")
def export_command(
    as_csv: Annotated[bool, typer.Option("--csv", metavar="", help="As CSV; the default.")] = False,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="As one JSON document, with the sums.")] = False,
    what: Annotated[What, typer.Option("--what", help="Lots, orders that filled, or single fills.")] = What.LOTS,
    year: Annotated[
        int | None,
        typer.Option("--year", min=2000, max=2100, metavar="YEAR", help="Of one New York year; default: all."),
    ] = None,
    strategy: OfStrategy = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; default: standard output.")
    ] = None,
    config: Config = None,
) -> None:
    """Write lots, orders or executions for the tax return. Example: `tradebot export --csv --year 2026 --out lots-2026.csv`"""
    if as_csv and as_json:
        raise ConfigError("--csv and --json exclude each other: give one of them")
    do(_export(settings_of(config), what, year, strategy, as_json=as_json, out=out))


async def _export(
    settings: Settings, what: What, year: int | None, strategy: str | None, *, as_json: bool, out: Path | None
) -> int:
    """Raises LedgerUnavailable, MigrationError, ConfigError."""
    async with daemon_client.open_database(settings) as ledger:
        await check(ledger, settings, strategy)
        found = await export(ledger, what, year, strategy)
    text = as_document(found) if as_json else as_table(found, several=several(settings))
    if out is None:
        typer.echo(text, nl=False)
    else:
        write(out, text)
    told = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    sums = ", ".join(f"{name} {_plain(total)}" for name, total in found.sums.items())
    told.print(f"{figures.some(len(found.records), found.what)}{f' of {year}' if year else ''}: {sums}.")
    return 0


def as_table(found: Export, *, several: bool = False) -> str:
    """RFC 4180. Executions name their strategy only where there are several: they had no such column before."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    columns = [name for name in found.columns if several or (found.what, name) != (What.EXECUTIONS, "strategy")]
    writer.writerow(columns)
    for record in found.records:
        writer.writerow([_cell(getattr(record, name)) for name in columns])
    return lines.getvalue()


def as_document(found: Export) -> str:
    """One JSON document: figures are text, times are ISO 8601 in UTC."""
    document = {
        "what": found.what,
        "year": found.year,
        "sums": {name: _plain(total) for name, total in found.sums.items()},
        found.what: [{name: _json(value) for name, value in asdict(record).items()} for record in found.records],
    }
    return json.dumps(document, indent=2) + "\n"


def _json(value: object) -> object:
    return value if value is None or isinstance(value, int | str) else _shown(value)


def _cell(value: object) -> str:
    """As text; what came from outside can be no formula."""
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    return "" if value is None else _shown(value)


def _shown(value: object) -> str:
    match value:
        case Decimal():
            return _plain(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _plain(value: Decimal) -> str:
    """Every digit, and no exponent."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def write(path: Path, text: str) -> None:
    """A file is there whole or not at all; a pipe or a device is written to, and never replaced. Raises ConfigError."""
    if path.exists() and not path.is_file():
        try:
            path.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
        return
    path = path.resolve()  # what a link leads to is replaced, not the link
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="") as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
