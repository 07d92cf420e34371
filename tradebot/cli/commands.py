"""The commands, their help and their exit codes. What they do is in the modules beside this one.

Exit codes: 0 done · 1 it did not work, or the alert was not executed · 2 wrong usage or configuration · 3 nobody answers
(daemon or database) · 4 the outcome is not known.
"""

import asyncio
import io
import os
import secrets
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from tradebot import __version__
from tradebot.cli import control, follow, jobs, sending, show
from tradebot.cli import daemon_client as beside
from tradebot.config import Settings, load
from tradebot.database import migrate as migrations
from tradebot.database import open_instance_lock
from tradebot.domain.alerts import Side
from tradebot.domain.settings import TradingState
from tradebot.errors import ConfigError, LedgerUnavailable, LockHeld, MigrationError, TradebotError
from tradebot.runtime import log

FAILED, WRONG, NOBODY, UNKNOWN = 1, 2, 3, 4

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
migrate_cli = typer.Typer(help="Make, undo or show the database's tables.", no_args_is_help=True)
cli.add_typer(migrate_cli, name="migrate")

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; default: config.toml here, if any.")
]


def main() -> None:
    """The entry point: every expected error is one readable message and an exit code, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a sign shows "?" instead of ending the command
            stream.reconfigure(errors="replace")
    try:
        cli()
    except TradebotError as error:
        _fail(str(error), _exit_code(error))


def _exit_code(error: TradebotError) -> int:
    if isinstance(error, ConfigError):
        return WRONG
    return NOBODY if isinstance(error, LedgerUnavailable) else FAILED


def _fail(text: str, code: int) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"tradebot: {text}", markup=False)
    raise SystemExit(code)


def _settings(config: Path | None) -> Settings:
    return load(config, os.environ)


def _do(work: Coroutine[None, None, int | None]) -> None:
    raise typer.Exit(asyncio.run(work) or 0)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tradebot {__version__}")
        raise typer.Exit


@cli.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", metavar="", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Trades TradingView alerts through Interactive Brokers.

    Start with `tradebot run`, then send `tradebot alert BUY AAPL` from a second terminal.
    """


@cli.command()
def run(
    config: Config = None,
    wait: Annotated[
        bool, typer.Option("--wait", metavar="", help="Wait for another instance to end, then take over.")
    ] = False,
) -> None:
    """Run the daemon until it is stopped (Ctrl-C, SIGTERM).

    Without any configuration everything is embedded and the broker is simulated; a banner says so.

    Examples: `tradebot run` · `tradebot run --config /etc/tradebot/config.toml`
    """
    from tradebot.cli import banner
    from tradebot.runtime import supervisor

    settings = _settings(config)
    try:
        asyncio.run(supervisor.run(settings, lambda webhook: banner.show(settings, webhook, config), wait=wait))
    except* TradebotError as group:
        error = _innermost(group)
        hint = ", or take over when it ends: tradebot run --wait" if isinstance(error, LockHeld) else ""
        _fail(f"{error}{hint}", _exit_code(error))


def _innermost(group: BaseExceptionGroup[TradebotError]) -> TradebotError:
    first = group.exceptions[0]
    return _innermost(first) if isinstance(first, BaseExceptionGroup) else first


def _side(text: str) -> Side:
    try:
        return Side(text.upper())
    except ValueError:
        raise typer.BadParameter(f"{text} is no action: write BUY or SELL") from None


@cli.command()
def alert(
    action: Annotated[Side, typer.Argument(metavar="ACTION", parser=_side, help="BUY or SELL, in any letter case.")],
    ticker: Annotated[str, typer.Argument(metavar="TICKER", help="AAPL, NASDAQ:AAPL, BRK.B …")],
    price: Annotated[
        str | None, typer.Option(metavar="USD", help="The alert's price; feeds the price collar only.")
    ] = None,
    alert_id: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Your own id; the same id again is a duplicate. Default: a new one."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Webhook address; default: the configured one on this machine.")
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Webhook secret (other users of this machine see it); default: the daemon's."
        ),
    ] = None,
    timeout: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="How long to follow the alert.")] = 60,
    config: Config = None,
) -> None:
    """Send a real alert and follow it through the database to its end, with times.

    Examples: `tradebot alert BUY AAPL` · `tradebot alert sell BRK.B --price 480.10`

    Exit code 0 when it was executed, 1 when not, 3 when nobody answers, 4 when the outcome is not known yet.
    """
    settings = _settings(config)
    if url is None and settings.webhook.port == 0:
        raise ConfigError("webhook.port is 0, so the daemon took any free port: give the one it printed, with --url")
    address = sending.checked(url) if url else sending.address(settings.webhook.host, settings.webhook.port)
    own_id = alert_id or f"cli-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    message = sending.Message(action, ticker, _price(price), own_id, secret or beside.secret(settings))
    _do(follow.send_and_follow(settings, message, address, timeout))


def _price(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text) if text is not None else None
    except InvalidOperation:
        number = Decimal("NaN")
    if number is not None and not (number.is_finite() and number > 0):
        raise ConfigError(f"--price {text} is not a price: give USD a share, for instance --price 187.32")
    return number


@cli.command()
def status(config: Config = None) -> None:
    """Show the trading state, queue, orders, positions and today's figures, and how the daemon is.

    Example: `tradebot status`
    """
    _do(show.status(_settings(config)))


@cli.command("jobs")
def show_jobs(config: Config = None) -> None:
    """Show each scheduled job: its line in the configuration, its last run and its next, New York time.

    Example: `tradebot jobs`
    """
    settings = _settings(config)
    beside.database(settings)
    _do(jobs.show(settings, datetime.now(UTC)))


@cli.command()
def pause(config: Config = None) -> None:
    """Take no more BUY alerts; SELL alerts are executed as before. KILLED stays KILLED.

    Example: `tradebot pause`
    """
    _do(control.change(_settings(config), TradingState.PAUSED))


@cli.command()
def kill(config: Config = None) -> None:
    """Trade nothing from now on; the daemon cancels its working orders. Positions stay as they are.

    Example: `tradebot kill`
    """
    _do(control.change(_settings(config), TradingState.KILLED))


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
    _do(control.resume(_settings(config), to))


@cli.command()
def simgateway(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port; IB Gateway's paper port by default.")
    ] = 4002,
    control_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="HTTP port for faults, quotes and the journal; off by default."
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that keeps account, orders and executions; default: memory."),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="NUMBER", help="Makes the quotes' walk repeatable.")] = None,
) -> None:
    """Run a simulated IB Gateway that speaks the TWS protocol. No real money, invented quotes.

    Example: `tradebot simgateway --port 4002 --state gateway.jsonl`, then `[broker] mode = "gateway"` with that port.
    """
    from tradebot.simgateway import GatewaySettings, serve

    log.setup(Settings().log, [], to_file=False)
    settings = GatewaySettings(host=host, port=port, control_port=control_port, state=state, seed=seed)
    try:
        asyncio.run(serve(settings))
    except KeyboardInterrupt:
        sys.exit(0)


@migrate_cli.command("up")
def migrate_up(config: Config = None) -> None:
    """Bring the tables up to this program's version. Example: `tradebot migrate up`"""
    done = asyncio.run(migrations.up(_url(config)))
    typer.echo("\n".join(f"applied {name}" for name in done) or "nothing to do: the tables are up to date")


@migrate_cli.command("down")
def migrate_down(
    steps: Annotated[int, typer.Option(min=1, help="How many migrations to undo.")] = 1,
    yes: Annotated[bool, typer.Option("--yes", metavar="", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Undo the newest migrations. Undoing the first DELETES all data. Example: `tradebot migrate down --steps 1`"""
    url = beside.database(_settings(config))
    asyncio.run(_no_daemon_runs(url))
    if not yes:
        typer.confirm("This deletes the data that those tables hold. Go on?", abort=True)
    asyncio.run(_no_daemon_runs(url))  # nor one that was started while this was asked
    done = asyncio.run(migrations.down(url, steps))
    typer.echo("\n".join(f"undone {name}" for name in done) or "nothing to undo")


async def _no_daemon_runs(url: str) -> None:
    """Raises LockHeld."""
    try:
        async with open_instance_lock(url):
            pass
    except MigrationError:
        pass  # tables that do not fit: no daemon of this version runs on them


@migrate_cli.command("status")
def migrate_status(config: Config = None) -> None:
    """Show which migrations are applied. Example: `tradebot migrate status`"""
    for one in asyncio.run(migrations.status(_url(config))):
        typer.echo(f"{one.name}  {f'applied {one.applied_at:%Y-%m-%d %H:%M} UTC' if one.applied_at else 'not applied'}")


def _url(config: Path | None) -> str:
    return _settings(config).database.url.get_secret_value()
