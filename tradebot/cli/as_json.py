"""The one JSON document that a command prints with `--json`: amounts as strings, times in UTC, nothing rounded."""

import json
from collections.abc import Mapping

import typer

from tradebot.words.plain import plain

__all__ = ["plain", "show"]


def show(document: Mapping[str, object]) -> None:
    """In ASCII, so that no terminal can spoil it."""
    typer.echo(json.dumps(plain(document), indent=2))
