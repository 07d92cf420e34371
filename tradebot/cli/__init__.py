"""The command line: one file a group of commands, each beside what it does."""

import errno
import io
import sys

from tradebot.cli.base import FAILED, cli, exit_code, fail
from tradebot.errors import TradebotError

__all__ = ["cli", "main"]


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
