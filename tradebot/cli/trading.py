"""Pause, resume and kill from beside the daemon: stored in its database, which it reads in every decision and once a second."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import daemon_client
from tradebot.cli.base import Config, cli, do, settings_of
from tradebot.config import Settings
from tradebot.domain.settings import TradingState
from tradebot.errors import ConfigError, LedgerUnavailable, MigrationError
from tradebot.operations import trading_state
from tradebot.ports import Ledger

ACTOR = "command line"
CONFIRM_WITHIN_S = 5.0
_SAID = {
    TradingState.RUNNING: "RUNNING: BUY and SELL alerts are executed.",
    TradingState.PAUSED: "PAUSED: BUY alerts are blocked, SELL alerts are executed.",
    TradingState.KILLED: "KILLED: nothing is traded; working orders are being cancelled.",
}
_INSTEAD = (
    "Nothing has changed: a daemon that runs trades on as before. If that must end now, stop the daemon itself (Ctrl-C, "
    "systemctl stop tradebot) and cancel its working orders at IB"
)


@cli.command()
def pause(config: Config = None) -> None:
    """Take no more BUY alerts; SELL alerts are executed as before. KILLED stays KILLED.

    Example: `tradebot pause`
    """
    do(_change(settings_of(config), TradingState.PAUSED))


@cli.command()
def kill(config: Config = None) -> None:
    """Trade nothing from now on; the daemon cancels its working orders. Positions stay as they are.

    Example: `tradebot kill`
    """
    do(_change(settings_of(config), TradingState.KILLED))


@cli.command()
def resume(
    sells_only: Annotated[
        bool, typer.Option("--sells-only", metavar="", help="From KILLED: only SELL alerts (PAUSED).")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--everything", metavar="", help="From KILLED: BUY and SELL alerts (RUNNING).")
    ] = False,
    config: Config = None,
) -> None:
    """Lift a pause or the kill switch. From KILLED you say what to resume.

    Examples: `tradebot resume` · `tradebot resume --sells-only` · `tradebot resume --everything`
    """
    if sells_only and everything:
        raise ConfigError("--sells-only and --everything exclude each other: give one of them")
    to = TradingState.PAUSED if sells_only else TradingState.RUNNING if everything else None
    do(_resume(settings_of(config), to))


async def _change(settings: Settings, to: TradingState) -> int:
    """Stores the state and waits for the daemon to say that it has heard. Raises LedgerUnavailable, MigrationError."""
    async with _books(settings, to) as ledger:
        act = trading_state.kill if to is TradingState.KILLED else trading_state.pause
        stored = await act(ledger, ACTOR, _key(), datetime.now(UTC))
    if stored is not to:
        Console(highlight=False, soft_wrap=True).print("A pause does not lower the kill switch, which is on.")
    return await _said(settings, stored)


async def _resume(settings: Settings, to: TradingState | None) -> int:
    """Raises ConfigError when the bot is KILLED and nobody said what to resume; LedgerUnavailable, MigrationError."""
    async with _books(settings, to or TradingState.RUNNING) as ledger:
        target = to or TradingState.RUNNING
        stored = await trading_state.resume(ledger, ACTOR, _key(), datetime.now(UTC), target, lift_kill=to is not None)
    if to is None and stored is TradingState.KILLED:
        raise ConfigError(
            "the kill switch is on. Say what to resume: `tradebot resume --sells-only` (SELL alerts only) "
            "or `tradebot resume --everything` (BUY and SELL alerts)"
        )
    return await _said(settings, stored)


@asynccontextmanager
async def _books(settings: Settings, to: TradingState) -> AsyncIterator[Ledger]:
    """The daemon's books; an error says that the state is not stored, and what to do where that is urgent."""
    instead = "Nothing has changed" if to is TradingState.RUNNING else _INSTEAD
    try:
        async with daemon_client.open_database(settings) as ledger:
            yield ledger
    except (LedgerUnavailable, MigrationError) as error:
        raise LedgerUnavailable(f"{to} is NOT stored: {error}\n{instead}.") from error


def _key() -> str:
    """Each call of the command is an act of its own."""
    return f"cli:{secrets.token_hex(8)}"


async def _said(settings: Settings, state: TradingState) -> int:
    out = Console(highlight=False, soft_wrap=True)
    url = daemon_client.health_url(settings)
    heard = await _daemon_heard(url, state)
    # What no daemon has confirmed is not said to be in force.
    out.print(f"Stored. {_SAID[state]}" if heard else f"Stored: {state}.", markup=False)
    if heard is None:
        out.print(
            f"No daemon answers at {url}. One that starts, or runs elsewhere with this database, finds this state."
        )
    else:
        out.print("The daemon confirms." if heard else _unconfirmed(url))
    return 0 if heard is not False else 1


def _unconfirmed(url: str) -> str:
    return (
        f"The daemon at {url} has NOT confirmed: either it cannot read its database, or its database is another one. "
        "Look at `tradebot status`."
    )


async def _daemon_heard(url: str, state: TradingState) -> bool | None:
    """Whether the daemon's own health report shows the state in time; None: no daemon answers."""
    try:
        async with asyncio.timeout(CONFIRM_WITHIN_S):
            while (parts := await daemon_client.health(url)) is not None:
                if parts.get("trading", {}).get("state") == state:
                    return True
                await asyncio.sleep(0.25)  # the webhook counts requests
    except TimeoutError:
        return False
    return None
