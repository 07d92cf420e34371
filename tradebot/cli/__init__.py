"""The command line. `run` is the daemon; every other command works beside it, through the configured database."""

from tradebot.cli.commands import main

__all__ = ["main"]
