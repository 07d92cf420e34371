"""The one JSON document that a command prints with `--json`: amounts as strings, times in UTC, nothing rounded."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from tradebot.words.plain import plain

__all__ = ["Json", "plain", "show"]

Json = Annotated[bool, typer.Option("--json", metavar="", help="One JSON document instead of a table.")]


def show(document: Mapping[str, object]) -> None:
    """In ASCII, so that no terminal can spoil it."""
    typer.echo(json.dumps(plain(document), indent=2))
