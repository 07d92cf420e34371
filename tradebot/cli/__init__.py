"""The command line: one file a group of commands, each beside what it does."""

import io
import sys

from tradebot.cli import admin, alert, backup, export, jobs, run, show, simgateway, splits, trading
from tradebot.cli.base import cli, exit_code, fail
from tradebot.errors import TradebotError

__all__ = [
    "admin",
    "alert",
    "backup",
    "cli",
    "export",
    "jobs",
    "main",
    "run",
    "show",
    "simgateway",
    "splits",
    "trading",
]


def main() -> None:
    """The entry point: every expected error is one readable message and an exit code, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a sign shows "?" instead of ending the command
            stream.reconfigure(errors="replace")
    try:
        cli()
    except TradebotError as error:
        fail(str(error), exit_code(error))
