"""`tradebot split`: the owner's answer whether it was a split, from beside the daemon or without it."""

import secrets
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import daemon_client
from tradebot.cli.base import FAILED, cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.trading import ACTOR
from tradebot.config import Settings
from tradebot.operations import splits
from tradebot.queries.splits import told_split
from tradebot.words import figures
from tradebot.words.account_events import split_arithmetic


@cli.command()
def split(
    ticker: Annotated[str, typer.Argument(help="As the message has it.")],
    no: Annotated[bool, typer.Option("--no", metavar="", help="It was none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", metavar="", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Say whether it was a split, as the button in the chat does. Example: `tradebot split AAPL`"""
    do(_split(settings_of(config), ticker.upper(), was_none=no, ask=not yes))


async def _split(settings: Settings, ticker: str, *, was_none: bool, ask: bool) -> int:
    """Raises LedgerUnavailable, MigrationError, ConfigError."""
    out = Console(markup=False, highlight=False, soft_wrap=True)
    now, key = datetime.now(UTC), f"cli:{secrets.token_hex(8)}"
    async with daemon_client.open_database(settings) as ledger:
        told = await told_split(ledger, ticker, now)
        if told is None:
            out.print(f"Nothing of {ticker} looks like a split: there is nothing to answer.")
            return FAILED
        seen, at = told
        out.print(f"{ticker}: {split_arithmetic(seen)}, seen {figures.local(at)}.")
        if ask:
            typer.confirm("It was no split?" if was_none else "Was it this split, and does TWS show it so?", abort=True)
        act = splits.deny if was_none else splits.book
        done = await act(ledger, seen, ACTOR, key, now)
    if not done:
        out.print("Nothing was changed: things have changed meanwhile. Look at `tradebot status`.")
        return FAILED
    out.print("Stored. A daemon that runs goes on with what waited within seconds.")
    return 0
