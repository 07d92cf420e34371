"""The one JSON document that a command prints with `--json`: amounts as strings, times in UTC, nothing rounded."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

import typer

from tradebot.domain.reasons import Reason
from tradebot.words.reasons import reason


def show(document: Mapping[str, object]) -> None:
    """In ASCII, so that no terminal can spoil it."""
    typer.echo(json.dumps(plain(document), indent=2))


def plain(value: object) -> object:
    """A value of the domain as JSON has it."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case bytes():
            return value.decode(errors="replace")
        case Reason():
            return {"code": value.code, "facts": plain(value.facts), "text": reason(value)}
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in value]
    return str(value)
