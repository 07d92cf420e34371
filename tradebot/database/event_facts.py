"""The facts of an event as JSON, and back: exact, by the types of their fields.

Rules: a Decimal, a time and a date are text; a value whose type the field leaves open carries its type with it. What cannot be
read (an unknown kind, a fact that is missing or is something else) is kept as it stands, in `OtherFacts`: reading never fails. A
fact that is stored and not known here is left out.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from tradebot.database import values
from tradebot.domain.events import Facts, OtherFacts, Severity
from tradebot.domain.facts import FACTS

Plain = dict[str, Any] | list[Any] | str | int | float | bool | None


def outgoing(facts: Facts) -> str:
    """Raises TypeError or ValueError for what must never be stored."""
    return json.dumps(_plain(facts), allow_nan=False)


def incoming(kind: str, severity: Severity, stored: str) -> Facts | OtherFacts:
    known = next((facts for name, facts in FACTS.items() if name == kind), None)
    if known is None:
        return untyped(kind, severity, stored)
    reader: Reader = _reader(known)  # type: ignore[arg-type]  # a class is hashable, whatever its instances are
    try:
        facts: Facts = reader(json.loads(stored))
    except (TypeError, ValueError, KeyError, InvalidOperation):
        return untyped(kind, severity, stored)
    return facts


def untyped(kind: str, severity: Severity, stored: str) -> OtherFacts:
    """Facts as another version of the program stored them."""
    named = next((known for known in FACTS if known == kind), kind)
    return OtherFacts(named, severity, json.loads(stored))


# --- out ------------------------------------------------------------------------------------------------------------


def _plain(value: object) -> Plain:
    match value:
        case Decimal() | date():
            return _text(value)
        case str():
            return str(values.outgoing(value))
        case bool() | int() | float() | None:
            return value
        case tuple():
            return [_plain(one) for one in value]
        case Mapping():
            return {name: _plain(one) for name, one in value.items()}
    return _fields(value)


def _text(value: Decimal | date) -> str:
    if not isinstance(value, datetime):
        return str(value)
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.astimezone(UTC).isoformat()


def _fields(value: object) -> Plain:
    if not is_dataclass(value):
        raise TypeError(f"{value!r} is no fact")
    kind: Any = type(value)
    hints, plain = _hints(kind), {}
    for field in fields(value):
        fact = getattr(value, field.name)
        plain[field.name] = values.tagged(fact) if _is_open(hints[field.name]) else _plain(fact)
    return plain


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _is_open(hint: Any) -> bool:
    """A mapping whose values may be of several types."""
    return get_origin(hint) is Mapping and isinstance(get_args(hint)[1], UnionType)


# --- in -------------------------------------------------------------------------------------------------------------

Reader = Callable[[Any], Any]


@cache
def _reader(hint: Any) -> Reader:
    """How a field of this type is read. The reader raises TypeError, ValueError or KeyError for anything else."""
    if isinstance(hint, UnionType):
        return _one_of([_reader(kind) for kind in get_args(hint)])
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _many(_reader(inner[0]))
    if origin is Mapping:
        return _mapping(values.untagged if _is_open(hint) else _reader(inner[1]))
    if is_dataclass(hint):
        return _record(hint)
    return _SCALARS.get(hint) or _scalar(hint)


def _scalar(kind: Any) -> Reader:
    if issubclass(kind, StrEnum):
        return _of(str, kind)
    return _of((int, float) if kind is float else kind, kind)


def _of(stored: Any, convert: Reader) -> Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, stored) or (isinstance(value, bool) and stored is not bool):
            raise TypeError(f"{value!r} is not what this fact is")
        return convert(value)

    return read


def _nothing(value: Any) -> None:
    if value is not None:
        raise TypeError(f"{value!r} is something")


_SCALARS: Mapping[Any, Reader] = {
    NoneType: _nothing,
    Decimal: _of(str, Decimal),
    datetime: _of(str, datetime.fromisoformat),
    date: _of(str, date.fromisoformat),
}


def _one_of(readers: Sequence[Reader]) -> Reader:
    """The first that can read it: the stored forms of the kinds in a union differ."""

    def read(value: Any) -> Any:
        for reader in readers[:-1]:
            with suppress(TypeError):
                return reader(value)
        return readers[-1](value)

    return read


def _many(read: Reader) -> Reader:
    return _of(list, lambda value: tuple(read(one) for one in value))


def _mapping(read: Reader) -> Reader:
    return _of(dict, lambda value: {name: read(one) for name, one in value.items()})


def _record(kind: Any) -> Reader:
    hints = _hints(kind)
    readers = {field.name: (_reader(hints[field.name]), field) for field in fields(kind)}

    def read(value: Any) -> Any:
        known = {}
        for name, (reader, field) in readers.items():
            if name in value:
                known[name] = reader(value[name])
            elif field.default is MISSING and field.default_factory is MISSING:
                raise KeyError(name)
        return kind(**known)

    return _of(dict, read)
