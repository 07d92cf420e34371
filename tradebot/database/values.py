"""Between the rows of a database and the values of the domain, the same for every database.

Rules: only exact and finite numbers, only aware times (stored as UTC), only JSON in ASCII; text keeps whatever a database can
keep: NUL and lone surrogates become U+FFFD. A `Reason` is JSON in a column of text, where any other text stands for itself.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tradebot.database.driver import Row
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import Fact

T = TypeVar("T")
_A_REASON = '{"code": '  # begins it
_UNSTORABLE = re.compile("[\\0\\ud800-\\udfff]")


def outgoing(value: object) -> Any:
    """A value of the domain as a parameter. Raises TypeError or ValueError for what must never be stored."""
    match value:
        case None | int():
            return value
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case Decimal() if not value.is_finite():
            raise ValueError(f"{value} is no amount that can be stored")
        case float():
            raise TypeError(f"{value!r} is a float: money and quantities are Decimal")
        case datetime() if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        case datetime():
            return value.astimezone(UTC)
        case Reason():
            return json.dumps({"code": value.code, "facts": tagged(value.facts)})
        case Mapping() | tuple():
            return json.dumps(value, default=_as_text, allow_nan=False)
        case _:
            return value


def parameters(record: Any) -> dict[str, Any]:
    """Every field of a dataclass, ready to be stored."""
    return {field.name: outgoing(getattr(record, field.name)) for field in fields(record)}


def read(kind: Callable[..., T], row: Row) -> T:
    """A dataclass from the columns named like its fields."""
    return _reader_of(kind)(row)  # type: ignore[no-any-return]


def read_again(kind: Callable[..., T], row: Row) -> T:
    """As `read`, for what every decision reads: of most rows, which are as they were, the record is still there."""
    return _kept(kind, tuple(row), tuple(row.values()))  # type: ignore[no-any-return]


@lru_cache(maxsize=4096)  # more than a busy day has: less, and each look would make all of them anew
def _kept(kind: Any, names: tuple[str, ...], columns: tuple[Any, ...]) -> Any:
    return _reader_of(kind)(dict(zip(names, columns, strict=True)))


def time(value: Any) -> datetime:
    """PostgreSQL gives a datetime, SQLite its text."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


@cache
def _reader_of(kind: Any) -> Any:
    """One function for all columns, written for the record as `dataclasses` writes its own: rows are read by the thousand."""
    hints, known, columns = get_type_hints(kind), {"kind": kind}, []
    for field in fields(kind):
        convert, value = _converter(hints[field.name]), f"row[{field.name!r}]"
        if convert is not None:
            known[name := f"of_{field.name}"] = convert
            value = f"None if (value := {value}) is None else {name}(value)"
        columns.append(value)
    return eval(f"lambda row: kind({', '.join(columns)})", known)  # noqa: S307  # of names of our own records


def _converter(hint: Any) -> Any:
    """None: the value is what it is. The unions in the domain's records are `… | None`, and `Reason | str` before it."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType] if isinstance(hint, UnionType) else [hint]
    kind = kinds[0]
    if kind in _READERS:
        return _READERS[kind]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        members = {str(member): member for member in kind}
        return lambda value: members.get(value) or kind(value)
    if kind is Decimal:
        return kind
    if get_origin(kind) is Mapping:
        return json.loads
    if get_origin(kind) is tuple:
        return lambda value: () if value == "[]" else tuple(json.loads(value))
    return None


def tagged(facts: Mapping[str, Fact]) -> dict[str, object]:
    """Facts for JSON: text and whole numbers are themselves there; a Decimal is not, and carries its type."""
    return {name: {"decimal": str(one)} if isinstance(one, Decimal) else outgoing(one) for name, one in facts.items()}


def untagged(value: Any) -> Any:
    """Raises KeyError or InvalidOperation for what is no fact."""
    return Decimal(value["decimal"]) if isinstance(value, dict) else value


def _reason(stored: str) -> Reason | str:
    if not stored.startswith(_A_REASON):
        return stored
    try:
        match json.loads(stored):
            case {"code": str(code), "facts": dict(facts)}:
                return Reason(code, {name: untagged(fact) for name, fact in facts.items()})
    except (ValueError, KeyError, TypeError, InvalidOperation):
        pass  # words that only look like it
    return stored


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    datetime: time,
    bytes: lambda value: bytes.fromhex(value[2:]) if isinstance(value, str) else value,  # PostgreSQL's JSON has \x…
    bool: bool,  # SQLite keeps 0 and 1
    Reason: _reason,
}


def _as_text(value: object) -> str:
    """Figures inside JSON stay exact: they become text."""
    if isinstance(value, (Decimal, datetime)):
        return str(value)
    raise TypeError(f"{value!r} cannot be stored as JSON")
