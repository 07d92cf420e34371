"""The command line: one file a group of commands, each beside what it does."""

import errno
import io
import sys

from tradebot.cli import (
    admin,
    alert,
    backup,
    doctor,
    drill,
    export,
    jobs,
    lint_alert,
    lists,
    logs,
    price,
    reassign,
    run,
    selftest,
    show,
    simgateway,
    splits,
    template,
    trace,
    trading,
)
from tradebot.cli.base import FAILED, cli, exit_code, fail
from tradebot.errors import TradebotError

__all__ = [
    "admin",
    "alert",
    "backup",
    "cli",
    "doctor",
    "drill",
    "export",
    "jobs",
    "lint_alert",
    "lists",
    "logs",
    "main",
    "price",
    "reassign",
    "run",
    "selftest",
    "show",
    "simgateway",
    "splits",
    "template",
    "trace",
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
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        fail(f"what the command says cannot be written: {error.strerror}", FAILED)
