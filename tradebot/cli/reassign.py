"""`tradebot reassign`: what one strategy has traded becomes another one's."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import daemon_client
from tradebot.cli.base import FAILED, cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.trading import ACTOR, named
from tradebot.config import Settings
from tradebot.errors import ConfigError
from tradebot.operations import reassign
from tradebot.operations.reassign import Plan
from tradebot.words.strategies import moved_line


@cli.command("reassign")
def reassign_command(
    from_strategy: Annotated[str, typer.Argument(metavar="FROM", help="Whose it is; the file need not name it.")],
    to_strategy: Annotated[str, typer.Argument(metavar="TO", help="Whose it shall be, as the file names it.")],
    ticker: Annotated[
        str | None, typer.Option("--ticker", metavar="AAPL", help="This one only; default: all it has traded.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", metavar="", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Give what a strategy has traded to another one, lots and history; the daemon must not run.

    Example: `tradebot reassign main ema --ticker AAPL`
    """
    settings = settings_of(config)
    to = named(settings, to_strategy)
    if from_strategy == to:
        raise ConfigError(f"FROM and TO are the same strategy, {to}: name two of them")
    do(_reassign(settings, from_strategy, to, ticker.upper() if ticker else None, ask=not yes))


async def _reassign(settings: Settings, from_: str, to: str, ticker: str | None, *, ask: bool) -> int:
    """Raises LockHeld, LedgerUnavailable, MigrationError, ConfigError."""
    out = Console(markup=False, highlight=False, soft_wrap=True)
    async with daemon_client.open_alone(settings) as ledger:
        plan = await reassign.plan(ledger, from_, to, ticker)
        for line in _told(plan, from_, to, ticker):
            out.print(line)
        if not plan.possible:
            return FAILED
        if ask:
            typer.confirm(f"Give this to strategy {to}?", abort=True)
        key = f"cli:{secrets.token_hex(8)}"
        await reassign.carry_out(ledger, from_, to, ticker, ACTOR, key, datetime.now(UTC))
    out.print(f"Done: strategy {to} goes on with it at the next start.")
    return 0


def _told(plan: Plan, from_: str, to: str, ticker: str | None) -> Iterator[str]:
    """What would be done, or why nothing is."""
    if not plan.moved:
        traded = f"has never traded {ticker}" if ticker else "has traded nothing"
        yield f"Strategy {from_} {traded}: there is nothing to reassign."
    elif plan.unresolved:
        yield (
            f"Nothing was changed: strategy {from_} has orders of {', '.join(plan.unresolved)} without an end. Start the daemon "
            f"with [strategies.{from_}] in the configuration, let them end, and stop it again."
        )
    elif plan.traded_already:
        rest = "" if ticker else " Others can be moved one by one with --ticker."
        yield (
            f"Nothing was changed: strategy {to} has traded {', '.join(plan.traded_already)} itself, and two histories are not "
            f"mixed. Sell those of strategy {from_} instead, with its section in the configuration.{rest}"
        )
    else:
        yield f"From strategy {from_} to strategy {to}, with all orders, lots, splits and alerts:"
        yield from (f"  {moved_line(one)}" for one in plan.moved)
