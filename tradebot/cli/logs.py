"""`tradebot logs`: the log files as a person reads them."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from tradebot.cli.base import FAILED, cli, fail
from tradebot.cli.settings import Config, settings_of
from tradebot.domain.log_lines import LogLine
from tradebot.domain.trades import alert_of
from tradebot.errors import ConfigError
from tradebot.runtime.log_reading import (
    LEVELS,
    Tail,
    Wanted,
    as_on_the_console,
    follow,
    newest_lines,
    open_tail,
)

LOOK_EVERY_S = 0.25
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_STYLES = {
    "WARNING": "yellow",
    "ERROR": "red",
    "CRITICAL": "bold red",
    "SUCCESS": "green",
    "DEBUG": "dim",
    "TRACE": "dim",
}


@cli.command()
def logs(
    number: Annotated[int, typer.Option("--number", "-n", metavar="N", min=0, help="How many lines, the newest.")] = 50,
    on: Annotated[
        bool, typer.Option("--follow", "-f", metavar="", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    alert: Annotated[str | None, typer.Option(metavar="ID", help="Of this alert only; an orderRef will do.")] = None,
    level: Annotated[
        str, typer.Option(metavar="LEVEL", help="Of this level and above: info, warning, error …")
    ] = "trace",
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Not older than: 30m, 1h, 2d.")] = None,
    config: Config = None,
) -> None:
    """Show the newest lines of the log files, those that are full included, in UTC as the console has them.

    Examples: `tradebot logs --level warning --since 1d` · `tradebot logs --alert 12` · `tradebot logs -f`
    """
    settings = settings_of(config)
    wanted = Wanted(_alert_id(alert), _level(level), _since(since))
    folder = Path(settings.log.dir)
    out = Console(markup=False, highlight=False, soft_wrap=True)
    try:
        with open_tail(folder) as tail:
            lines = newest_lines(tail, wanted, number, unfinished=not on)
            for line in lines:
                _show(out, line)
            if on:
                for line in follow(tail, wanted, lambda: time.sleep(LOOK_EVERY_S)):
                    _show(out, line)
            elif number and not lines:
                fail(_nothing(tail, folder), FAILED)
    except KeyboardInterrupt:
        return
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # somebody has read enough
        fail(
            f"the log files in {folder.absolute()} cannot be read: {error.strerror}. Run this in the folder where the daemon "
            "runs, as a user who may read them, or name its configuration with --config",
            FAILED,
        )


def _nothing(tail: Tail, folder: Path) -> str:
    if not tail.has_files:
        return f"there is no log file in {folder.absolute()}: a daemon makes one when it starts (tradebot run)"
    return "the log files have no such line; they go as far back as [log] keeps them"


def _show(out: Console, line: LogLine) -> None:
    out.print(Text(as_on_the_console(line), style="magenta" if line.is_broken else _STYLES.get(line.level, "")))


def _alert_id(text: str | None) -> int | None:
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdecimal() else alert_of(text)
    if number is None:
        raise ConfigError(f"--alert {text} is no alert: give its number or its order's reference, 12 or tb-12-ab12cd34")
    return number


def _level(text: str) -> str:
    if text.upper() not in LEVELS:
        raise ConfigError(f"--level {text} is no level: give one of {', '.join(LEVELS).lower()}")
    return text.upper()


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip().lower())
    if match is None:
        raise ConfigError(f"--since {text} is no length of time: write for instance 30m, 1h or 2d")
    return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
