"""How each field of a message is read: what it means in the message's dialect, and what its value comes to. Pure.

Rules: by the same tables of fields that the dialect reads with, so that what is shown is what is done. A secret is never shown,
nor what stands in a field that may hold one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tradebot.domain.payload import nested, own, tbot, threecommas, traderspost
from tradebot.domain.payload.aim import POSITION_FIELDS
from tradebot.domain.payload.changing import says_test
from tradebot.domain.payload.dialect import ALERT_ID, STRATEGY, Dialect
from tradebot.domain.payload.dialects import dialect_of
from tradebot.domain.payload.fields import FLAG, SIGNED, Field, Fields, plain
from tradebot.domain.payload.message import SECRET_NAMES, Message
from tradebot.domain.payload.shown import shown
from tradebot.errors import PayloadError


class Use(StrEnum):
    """What becomes of a field."""

    READ = "read"
    HIDDEN = "hidden"  # it may hold the secret
    EMPTY = "empty"  # as if it were not there
    NOT_USED = "not_used"  # known, and it changes nothing
    UNKNOWN = "unknown"  # kept with the alert, and ignored


@dataclass(frozen=True, slots=True)
class Reading:
    """One field."""

    field: str  # with its path: "strategy.order_action"
    written: str  # as it stands there, short
    use: Use
    about: str = ""  # what it means
    value: object = None  # what it comes to


_Known = Sequence[Field[Any]]
_POSITION = {"strategy": POSITION_FIELDS, "strategy_info": POSITION_FIELDS}
_EXIT = (*(traderspost.PERCENT, traderspost.AMOUNT, traderspost.STOP_PRICE, traderspost.LIMIT_PRICE),)
_STOP = (traderspost.STOP_TYPE, *_EXIT, traderspost.TRAIL_AMOUNT, traderspost.TRAIL_PERCENT)
_METRICS = tuple(Field(name, SIGNED, about="Shares." if name == "qty" else "USD.") for name in tbot.NAMES)
_INSIDE: Mapping[str, Mapping[str, _Known]] = {
    "own": _POSITION,
    "traderspost": {**_POSITION, "stopLoss": _STOP, "takeProfit": _EXIT},
    "nested": {"strategy": nested.STRATEGY_FIELDS},
    "3commas": threecommas.INSIDE,
    "signalstack": _POSITION,
    "tbot": {"metrics": _METRICS},
}
"""What the objects inside a message hold."""
_TEST = Field("test", FLAG, about=own.TEST.about)


def readings(message: Message, dialect: Dialect, unused: Sequence[str]) -> tuple[Reading, ...]:
    """Every field of the message, in its order; of a text, its words. `unused`: as the instruction has them."""
    fields: Mapping[str, object] = message.fields if message.fields is not None else _words(message.text or "", dialect)
    return tuple(_reading(path, value, dialect, unused) for path, value in leaves(fields))


def known_names(dialect: Dialect) -> set[str]:
    """What a field may be called in this dialect, without paths."""
    inside = [field for fields in _INSIDE.get(dialect.name, {}).values() for field in fields]
    return {field.name for field in (*dialect.fields, *inside, ALERT_ID, STRATEGY)}


def decided_by(message: Message, dialect: Dialect) -> tuple[str, ...]:
    """The fields without which the message would be in another dialect, or in none."""
    fields = message.fields or {}
    return tuple(name for name in fields if name not in SECRET_NAMES and _decides(name, message, dialect))


def leaves(fields: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    """Fields with their path; a list of names and values counts as fields."""
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}{name}.")
        elif isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
            yield from ((f"{path}{name}.{one['name']}", one.get("value")) for one in value)
        else:
            yield f"{path}{name}", value


def _decides(name: str, message: Message, dialect: Dialect) -> bool:
    if name in dialect.marks:
        return True
    rest = {other: value for other, value in (message.fields or {}).items() if other != name}
    try:
        return dialect_of(Message(rest, message.text)).name != dialect.name
    except PayloadError:
        return True


def _words(text: str, dialect: Dialect) -> Mapping[str, object]:
    """A command in plain words: what it does, how many, of what."""
    action, quantity, ticker = (field.name for field in dialect.fields)
    words = text.split()
    names = (action, quantity, ticker) if len(words) == 3 else (action, ticker)
    return dict(zip(names, words, strict=False))


def _reading(path: str, value: object, dialect: Dialect, unused: Sequence[str]) -> Reading:
    if path in SECRET_NAMES:
        return Reading(path, "***", Use.HIDDEN)
    written = f"{value:f}" if isinstance(value, Decimal) else shown(value)
    known = _find(path, dialect)
    if path in unused:
        return Reading(path, written, Use.NOT_USED, "" if known is None else known.about)
    if known is None:
        return Reading(path, written, Use.UNKNOWN)
    about = known.about or _named(known.name)
    if value is None or value == "":
        return Reading(path, written, Use.EMPTY, about)
    return Reading(path, written, Use.READ, about, _value(known, path, value))


def _named(name: str) -> str:
    """`The order type.` for "order_type" and for "orderType"."""
    words = " ".join(re.findall("[a-z]+|[A-Z][a-z]*", name)).lower()
    return f"The {words.removeprefix('the ')}."


def _find(path: str, dialect: Dialect) -> Field[Any] | None:
    """The field that the dialect knows at this place, in whatever spelling it takes."""
    place, _, leaf = path.partition(".") if "." in path else ("", "", path)
    there: _Known = _INSIDE.get(dialect.name, {}).get(place, ()) if place else (*dialect.fields, ALERT_ID, STRATEGY)
    exact = {field.name: field for field in there}
    spelt = {plain(field.name): field for field in there}
    return exact.get(leaf) or spelt.get(plain(leaf)) or (_TEST if says_test(Fields({leaf: True})) else None)


def _value(known: Field[Any], path: str, value: object) -> object:
    try:
        return known.kind.read(path, value, known.example)
    except PayloadError:
        return None
