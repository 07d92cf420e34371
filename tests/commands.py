"""Every command of the command line, loaded: the program itself loads one when it is called."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from typer.main import get_command

from tradebot.cli import cli
from tradebot.cli.commands import COMMANDS


def loaded() -> Mapping[str, Any]:
    """By name."""
    for module, _ in COMMANDS.values():
        import_module(f"tradebot.cli.{module}")
    commands: Mapping[str, Any] = get_command(cli).commands  # type: ignore[attr-defined]
    return commands
