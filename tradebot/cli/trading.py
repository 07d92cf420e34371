"""Pause, resume and kill from beside the daemon: stored in its database, which it reads in every decision and once a second."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import daemon_client
from tradebot.cli.base import cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.config import Settings
from tradebot.domain.settings import TradingState
from tradebot.errors import ConfigError, LedgerUnavailable, MigrationError
from tradebot.operations import trading_state
from tradebot.ports import Ledger
from tradebot.words import strategies as words
from tradebot.words import switch

ACTOR = "command line"
CONFIRM_WITHIN_S = 5.0
_SAID = {
    TradingState.RUNNING: "RUNNING: BUY and SELL alerts are executed.",
    TradingState.PAUSED: "PAUSED: BUY alerts are blocked, SELL alerts are executed.",
    TradingState.KILLED: "KILLED: nothing is traded; entries and exits at work are being cancelled, stops and targets stay.",
}
_INSTEAD = (
    "Nothing has changed: a daemon that runs trades on as before. If that must end now, stop the daemon itself (Ctrl-C, "
    "systemctl stop tradebot) and cancel its working orders at IB"
)


OneStrategy = Annotated[
    str | None, typer.Option("--strategy", metavar="NAME", help="This strategy only; the others go on as they do.")
]


@cli.command()
def pause(strategy: OneStrategy = None, config: Config = None) -> None:
    """Take no more BUY alerts; SELL alerts are executed as before. KILLED stays KILLED.

    Examples: `tradebot pause` · `tradebot pause --strategy ema`
    """
    settings = settings_of(config)
    do(_change(settings, TradingState.PAUSED) if strategy is None else _set(settings, strategy, TradingState.PAUSED))


@cli.command()
def kill(config: Config = None) -> None:
    """Trade nothing from now on; the daemon cancels its entries and exits. Positions stay, and what protects them.

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
    strategy: OneStrategy = None,
    config: Config = None,
) -> None:
    """Lift a pause or the kill switch. From KILLED you say what to resume.

    Examples: `tradebot resume` · `tradebot resume --sells-only` · `tradebot resume --strategy ema`
    """
    if sells_only and everything:
        raise ConfigError("--sells-only and --everything exclude each other: give one of them")
    if strategy is not None:
        if sells_only or everything:
            raise ConfigError(
                "--strategy lifts that strategy's own pause: the kill switch is lifted without it, for all"
            )
        do(_set(settings_of(config), strategy, TradingState.RUNNING))
        return
    to = TradingState.PAUSED if sells_only else TradingState.RUNNING if everything else None
    do(_resume(settings_of(config), to))


async def _change(settings: Settings, to: TradingState) -> int:
    """Stores the state and waits for the daemon to say that it has heard. Raises LedgerUnavailable, MigrationError."""
    async with _books(settings, to) as ledger:
        act = trading_state.kill if to is TradingState.KILLED else trading_state.pause
        stored = await act(ledger, ACTOR, _key(), datetime.now(UTC))
    if stored is not to:
        Console(markup=False, highlight=False, soft_wrap=True).print(
            f"{switch.PAUSE_IN_A_KILL} `tradebot resume` lifts it."
        )
        return 0
    return await _whole_said(settings, stored)


async def _resume(settings: Settings, to: TradingState | None) -> int:
    """Raises ConfigError when the bot is KILLED and nobody said what to resume; LedgerUnavailable, MigrationError."""
    async with _books(settings, to or TradingState.RUNNING) as ledger:
        target = to or TradingState.RUNNING
        stored = await trading_state.resume(ledger, ACTOR, _key(), datetime.now(UTC), target, lift_kill=to is not None)
        paused = await trading_state.paused_by_name(ledger) & frozenset(settings.strategies().names)
    if to is None and stored is TradingState.KILLED:
        raise ConfigError(
            "the kill switch is on. Say what to resume: `tradebot resume --sells-only` (SELL alerts only) "
            "or `tradebot resume --everything` (BUY and SELL alerts)"
        )
    code = await _whole_said(settings, stored)
    for strategy in sorted(paused):
        Console(markup=False, highlight=False, soft_wrap=True).print(
            f"Strategy {strategy} stays paused, as it was paused by name: `tradebot resume --strategy {strategy}`."
        )
    return code


async def _whole_said(settings: Settings, state: TradingState) -> int:
    return await _said(settings, state, _SAID[state], lambda trading: trading.get("state") == state)


def named(settings: Settings, strategy: str) -> str:
    """The name of a strategy that the file has. Raises ConfigError."""
    names = settings.strategies().names
    if strategy not in names:
        raise ConfigError(f"there is no strategy {strategy} among those that there are: {', '.join(names)}")
    return strategy


async def _set(settings: Settings, strategy: str, to: TradingState) -> int:
    """One strategy's own pause. Raises ConfigError, LedgerUnavailable, MigrationError."""
    named(settings, strategy)
    async with _books(settings, to) as ledger:
        whole = await trading_state.set_strategy(ledger, strategy, to, ACTOR, _key(), datetime.now(UTC))

    def shown(trading: Mapping[str, object]) -> bool:
        paused = trading.get("paused_strategies", [])
        return (strategy in paused) is (to is TradingState.PAUSED) if isinstance(paused, list) else False

    code = await _said(settings, f"{to}, strategy {strategy}", words.state(strategy, to), shown)
    if whole is not TradingState.RUNNING:
        Console(markup=False, highlight=False, soft_wrap=True).print(
            f"The bot as a whole is {whole}, which holds for every strategy."
        )
    return code


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


async def _said(settings: Settings, short: str, in_force: str, shown: Callable[[Mapping[str, object]], bool]) -> int:
    out = Console(markup=False, highlight=False, soft_wrap=True)
    url = daemon_client.health_url(settings)
    heard = await _daemon_heard(url, shown)
    # What no daemon has confirmed is not said to be in force.
    out.print(f"Stored. {in_force}" if heard else f"Stored: {short}.")
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


async def _daemon_heard(url: str, shown: Callable[[Mapping[str, object]], bool]) -> bool | None:
    """Whether the daemon's own health report shows it in time; None: no daemon answers."""
    try:
        async with asyncio.timeout(CONFIRM_WITHIN_S):
            while (parts := await daemon_client.health(url)) is not None:
                if shown(parts.get("trading", {})):
                    return True
                await asyncio.sleep(0.25)  # the webhook counts requests
    except TimeoutError:
        return False
    return None
