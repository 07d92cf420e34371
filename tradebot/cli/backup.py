"""`tradebot backup` and `tradebot restore`: the books in a file, and back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import daemon_client
from tradebot.cli.base import cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.config import DATA_DIR, Settings
from tradebot.database import backups, restore
from tradebot.database.backups import Backup
from tradebot.database.contents import Contents, Kept
from tradebot.words import figures

SYSTEM_FOLDER = Path("/var/backups/tradebot")
_KEEP = 14


@cli.command()
def backup(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="Where to; default: /var/backups/tradebot if it is there, else data/backups."
        ),
    ] = None,
    keep: Annotated[int, typer.Option("--keep", min=1, metavar="N", help="Keep the newest N there.")] = _KEEP,
    config: Config = None,
) -> None:
    """Make a backup of the database, beside a running daemon. Example: `tradebot backup /var/backups/tradebot --keep 14`"""
    do(_backup(settings_of(config), folder or _default_folder(), keep))


@cli.command("restore")
def restore_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    yes: Annotated[bool, typer.Option("--yes", metavar="", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Put a backup in the place of the database; the daemon must not run. The old database is kept.

    Example: `tradebot restore /var/backups/tradebot/tradebot-20261126T223000Z-0005.db`
    """
    do(_restore(settings_of(config), file, ask=not yes))


def _default_folder() -> Path:
    return SYSTEM_FOLDER if SYSTEM_FOLDER.is_dir() else DATA_DIR / "backups"


async def _backup(settings: Settings, folder: Path, keep: int) -> int:
    """Raises BackupError, LedgerUnavailable, MigrationError, ConfigError."""
    made = await backups.make(daemon_client.database(settings), folder, datetime.now(UTC), keep=keep)
    out = Console(markup=False, highlight=False, soft_wrap=True)
    for line in _made(made):
        out.print(line)
    return 0


def _made(made: Backup) -> Iterator[str]:
    yield f"{made.path}: {_size(made.size)}, whole and checked, in {made.took_s:.1f} s."
    yield f"In it: {_inside(made.contents)}."
    for path in made.pruned:
        yield f"Taken away, older: {path.name}"


async def _restore(settings: Settings, file: Path, *, ask: bool) -> int:
    """Raises BackupError, LockHeld, LedgerUnavailable, MigrationError, ConfigError."""
    url = settings.database.url.get_secret_value()
    out = Console(markup=False, highlight=False, soft_wrap=True)
    plan = await restore.plan(url, file)
    for line in _told(plan):
        out.print(line)
    if ask:
        typer.confirm("Replace the database by this backup?", abort=True)
    done = await restore.carry_out(url, plan, _default_folder(), datetime.now(UTC))
    out.print(f"Restored from {file}; trading is {plan.state}.")
    if done.applied:
        out.print(f"Its tables were brought up to this program: {', '.join(done.applied)}.")
    if done.kept is not None:
        out.print(f"The database that was there is kept: {done.kept}")
    out.print("Next: start the daemon, read what it says about positions, compare with TWS; then `tradebot resume`.")
    return 0


def _told(plan: restore.Plan) -> Iterator[str]:
    """What a person must know before he says yes: the numbers first."""
    yield f"The backup is whole. In it: {_inside(plan.backup)}."
    yield f"It is to be put in the place of {plan.place}."
    if plan.missing_steps:
        yield f"Its tables are older than this program and will be brought up to it: {', '.join(plan.missing_steps)}."
    if plan.present is None:
        yield (
            f"What will be missing cannot be told: the present database cannot be read ({plan.why_unreadable})."
            if plan.why_unreadable
            else "There is no database at present: whatever happened after the backup is missing."
        )
    else:
        yield from _missing(plan.present, plan.backup)
    yield from _stopped(plan)
    yield (
        "At the next start IB's positions are compared with the restored books: shares bought since the backup count as "
        "your own, and the bot will not sell them; shares sold since are a mismatch, and BUY of that ticker is blocked until "
        "you resolve it."
    )
    yield "The account that the books belong to, limits and settings are the backup's from then on."


def _missing(present: Contents, backup: Contents) -> Iterator[str]:
    if present.account and backup.account and present.account != backup.account:
        yield f"It is the backup of ANOTHER ACCOUNT: {backup.account}; the present books belong to {present.account}."
    kinds = (
        ("alerts", "", present.alerts.since(backup.alerts)),
        ("orders", "", present.trades.since(backup.trades)),
        ("executions", "", present.executions.since(backup.executions)),
        ("lots", " opened or closed", present.lots_since(backup.executions.newest)),
    )
    lost = [f"{figures.some(one.count, name)}{how} (newest {_at(one)})" for name, how, one in kinds if one.count]
    yield (
        f"Missing afterwards: {', '.join(lost)}." if lost else "Nothing that the present database has will be missing."
    )
    for ticker in sorted({*present.held, *backup.held}):
        now, then = (held.get(ticker, Decimal(0)) for held in (present.held, backup.held))
        if now != then:
            what = "will count as your own" if now > then else "will be a mismatch"
            yield (
                f"  {ticker}: the books hold {figures.shares(now)} now and {figures.shares(then)} afterwards: "
                f"{figures.shares(abs(now - then))} {what}."
            )


def _stopped(plan: restore.Plan) -> Iterator[str]:
    yield (
        f"Afterwards trading is {plan.state}: BUYs and losses since the backup are not in its books, so no limit counts them."
    )
    if plan.cleared:
        numbers = ", ".join(map(str, plan.cleared[:20]))
        yield (
            f"{figures.some(len(plan.cleared), 'alerts')} that waited in the backup (numbers {numbers}) will be "
            "CLEARED: what became of them since is not known, and nothing is sent twice."
        )


def _inside(contents: Contents) -> str:
    account = f", account {contents.account}" if contents.account else ""
    return (
        f"{figures.some(contents.alerts.count, 'alerts')} (newest {_at(contents.alerts)}), "
        f"{figures.some(contents.trades.count, 'orders')} (newest {_at(contents.trades)}), "
        f"{figures.some(len(contents.lots), 'lots')}, tables of step {contents.step}{account}"
    )


def _at(kept: Kept) -> str:
    return "none" if kept.newest is None else f"{kept.newest.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
