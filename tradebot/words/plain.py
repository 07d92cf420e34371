"""A value of the domain as JSON has it: amounts as strings, times in UTC, nothing rounded. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from tradebot.domain.reasons import Reason
from tradebot.words.reasons import reason


def plain(value: object) -> Any:
    """As JSON has it. A reason gets its sentence beside code and facts."""
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value)
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


_WRITERS: Mapping[type, Callable[[Any], object]] = {
    Enum: lambda value: value.value,
    Decimal: lambda value: f"{value:f}",
    datetime: lambda value: value.astimezone(UTC).isoformat(),
    date: lambda value: value.isoformat(),  # after datetime, which is one
    timedelta: lambda value: value.total_seconds(),
    bytes: lambda value: value.decode(errors="replace"),
    Reason: lambda value: {"code": plain(value.code), "facts": plain(value.facts), "text": reason(value)},
    Mapping: lambda value: {str(plain(key)): plain(each) for key, each in value.items()},
    list: lambda value: [plain(each) for each in value],
    frozenset: lambda value: sorted(plain(each) for each in value),
    tuple: lambda value: [plain(each) for each in value],
}
