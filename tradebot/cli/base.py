"""What every command shares: the program itself, its options, its exit codes, and how a mistake is answered.

Exit codes: 0 done · 1 it did not work, or the alert was not executed · 2 wrong usage or configuration · 3 nobody answers
(daemon or database) · 4 the outcome is not known.
"""

import asyncio
import difflib
import gc
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from tradebot import __version__
from tradebot.cli.commands import COMMANDS
from tradebot.errors import ConfigError, LedgerUnavailable, TradebotError
from tradebot.runtime import systemd

FAILED, WRONG, NOBODY, UNKNOWN = 1, 2, 3, 4
_ELSEWHERE = {
    "queue": "`tradebot status` shows what waits",
    "health": "`tradebot status` shows how the daemon is",
    "check": "`tradebot doctor` checks the installation",
    "buy": "`tradebot alert BUY AAPL` sends an alert",
    "sell": "`tradebot alert SELL AAPL` sells what the bot holds of it",
    "start": "`tradebot run` runs the daemon",
    "stop": "Ctrl-C or `systemctl stop tradebot` ends the daemon; `tradebot kill` ends trading",
    "config": "config.toml.example has every key",
}
"""What people type, and where it is found."""


@contextmanager
def loading() -> Iterator[None]:
    """What is imported stays: to look through it for garbage meanwhile, again and again, takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Commands(TyperGroup):
    """One that there is not is answered with those that there are."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            ctx.fail(_no_such_command(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


class _Program(Commands):
    """Knows its commands by name; each is loaded when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """For the list of commands: its name and what it does."""
        known = COMMANDS.get(cmd_name)
        return TyperCommand(cmd_name, help=known[1], rich_markup_mode="markdown") if known else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        super().resolve_command(ctx, args)
        with loading():
            import_module(f"tradebot.cli.{COMMANDS[args[0]][0]}")
        return args[0], get_group(cli).commands[args[0]], args[1:]


def _no_such_command(name: str, there_are: list[str]) -> str:
    near = difflib.get_close_matches(name, there_are, 1)
    place = _ELSEWHERE.get(name.lower())
    hint = f" Did you mean '{near[0]}'?" if near else f" {place}." if place else ""
    return f"No such command '{name}'.{hint} There are: {', '.join(there_are)}."


cli = typer.Typer(
    cls=_Program,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def exit_code(error: TradebotError) -> int:
    if isinstance(error, ConfigError):
        return WRONG
    return NOBODY if isinstance(error, LedgerUnavailable) else FAILED


def fail(text: str, code: int) -> NoReturn:
    line = f"tradebot: {text}"
    if systemd.journal_reads(sys.stderr):
        line = systemd.with_priority(3, line).rstrip("\n")
    from rich.console import Console  # noqa: PLC0415 - the daemon runs without it

    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(line)
    raise SystemExit(code)


def do(work: Coroutine[None, None, int | None]) -> None:
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
