"""The fields of a message, by name, each read once and by the rules of its kind. Pure.

Rules:
- What is not understood for certain is refused, never guessed: a wrong guess buys another company's stock. Every refusal is a
  PayloadError that tells the sender of the alert what to correct.
- An empty field (null, "") is as good as none. Numbers may come as strings; only ASCII digits and letters count ("１２３" and
  Cyrillic letters are refused), and neither NaN nor exponents are numbers in a string.
- Whoever reads a field takes it; what is left at the end is judged by `changing.py`.
- `shape` says the same of a kind in pydantic's words: the JSON Schemas under docs/schemas are made from it.

Source of the placeholders and their forms: TradingView, "How to use a variable value in alert".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Strict, StrictBool, StrictInt, StringConstraints, WithJsonSchema

from tradebot.domain.payload.message import BLANKS
from tradebot.domain.payload.placeholders import refuse_placeholder
from tradebot.domain.payload.shown import shown
from tradebot.domain.payload.symbols import listing, symbol
from tradebot.errors import PayloadError

PRICE_MIN = Decimal("0.0001")  # USD
PRICE_MAX = Decimal(10_000_000)  # USD; the dearest share ever, BRK.A, has stayed below one million
SIZE_MAX = Decimal(1_000_000_000)
TIME_MIN, TIME_MAX = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

T = TypeVar("T")

_NAME = re.compile("[A-Za-z_-]{1,60}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER = r"[0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,12}"
_POSITIVE = re.compile(NUMBER)
_SIGNED = re.compile(rf"[+-]?({NUMBER})")
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
_SINCE_1970 = r"[0-9]{9,13}(\.[0-9]{1,6})?"
_ISO_TIME, _EPOCH_TIME = re.compile(_ISO), re.compile(_SINCE_1970)
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """What may stand in a field: how it is read, given name, value and an example, and the same as a pydantic type."""

    read: Callable[[str, object, str], T]
    shape: Any


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """A field that a dialect knows."""

    name: str
    kind: Kind[T]
    example: str = ""
    required: bool = False
    about: str = ""  # for the JSON Schema


@lru_cache(maxsize=1024)
def plain(name: str) -> str:
    """A name without letter case, `_` and `-`."""
    return re.sub("[^a-z]", "", name.lower())


@dataclass(slots=True)
class Fields:
    """The fields of one object of a message. With `any_spelling` letter case, `_` and `-` of a name do not matter."""

    given: Mapping[str, object]
    path: str = ""
    any_spelling: bool = False
    taken: set[str] = field(default_factory=set)
    _by_plain: dict[str, list[str]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if self.any_spelling:
            for name in self.given:
                if _NAME.fullmatch(name):
                    self._by_plain.setdefault(plain(name), []).append(name)

    def find(self, name: str) -> str | None:
        """The name under which a field is there and not empty."""
        written = self._by_plain.get(plain(name), []) if self.any_spelling else [name] if name in self.given else []
        self.taken.update(written)
        there = [one for one in written if self.given[one] not in (None, "")]
        if len(there) > 1:
            raise PayloadError(
                f"The message has the field {shown(name)} twice, as {shown(there[0])} and {shown(there[1])}: which one is meant"
                " cannot be told. Remove one."
            )
        return there[0] if there else None

    def get(self, wanted: Field[T]) -> T | None:
        """The field's value; None where it is not there. Raises PayloadError."""
        written = self.find(wanted.name)
        if written is None:
            return None
        return wanted.kind.read(self.path + written, self.given[written], wanted.example)

    def need(self, wanted: Field[T]) -> T:
        """The field's value. Raises PayloadError, also where it is not there."""
        found = self.get(wanted)
        if found is None:
            raise missing(self.path + wanted.name, wanted.example)
        return found

    def inside(self, name: str) -> "Fields | None":
        """The object of this name; None where there is none. Raises PayloadError for something else, but a strategy's name."""
        value = self.given.get(name)
        if value in (None, "") or (name == "strategy" and isinstance(value, str)):
            return None
        if not isinstance(value, dict):
            raise PayloadError(
                f'"{self.path}{name}" must be an object in braces, but it is {shown(value)}. Nothing was traded. Correct it, or'
                " leave it out."
            )
        self.taken.add(name)
        return Fields(value, f"{self.path}{name}.", self.any_spelling)

    def left(self) -> Iterator[tuple[str, object]]:
        """What nobody has taken: names as they are written, values."""
        return ((name, value) for name, value in self.given.items() if name not in self.taken)


def lacking(fields: Mapping[str, object], *needed: Field[Any]) -> Field[Any] | None:
    """The first of these that is not there, or empty."""
    return next((one for one in needed if fields.get(one.name) in (None, "")), None)


def missing(name: str, example: str, hint: str = "") -> PayloadError:
    return PayloadError(f'"{name}" is missing{hint}. Write "{name}": "{example}".')


# --- kinds ----------------------------------------------------------------------------------------------------------


def _pattern(pattern: str) -> Any:
    blanks = r"[ \t\r\n]*"
    return Annotated[str, StringConstraints(pattern=f"^{blanks}({pattern}){blanks}$")]


def alternatives(table: Iterable[str]) -> str:
    """A pattern for these words in any letter case."""
    return "|".join(_any_case(word) for word in table)


def _any_case(word: str) -> str:
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else "\\." if c == "." else c for c in word)


def _read_word(name: str, value: object, example: str) -> str:
    if not isinstance(value, str):
        raise PayloadError(f'"{name}" must be text in quotes, but it is {shown(value)}. Write "{name}": "{example}".')
    refuse_placeholder(name, value)
    return value.strip(BLANKS)


def words(table: Mapping[str, T], says: str) -> Kind[T]:
    """One of these words, in any letter case. `says`: what the field must be, and what to write."""

    def read(name: str, value: object, example: str) -> T:
        word = _read_word(name, value, example)
        # Not str.lower() alone: "ſell" is upper-cased to "SELL".
        if not word.isascii() or word.lower() not in table:
            raise PayloadError(f'"{name}" must be {says}, but it is {shown(word)}. Write "{name}": "{example}".')
        return table[word.lower()]

    return Kind(read, _pattern(alternatives(table)))


def _read_ticker(name: str, value: object, example: str) -> tuple[str | None, str]:
    return symbol(_read_word(name, value, example), f'"{name}"')


def _read_exchange(name: str, value: object, example: str) -> str | None:
    return listing(_read_word(name, value, example), f'"{name}"')


def _read_number(pattern: re.Pattern[str], value: object) -> Decimal | None:
    if isinstance(value, str):
        word = value.strip(" ")
        return Decimal(word) if pattern.fullmatch(word) else None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    return None


def _read_price(name: str, value: object, _: str) -> Decimal:
    if isinstance(value, str):
        refuse_placeholder(name, value)
    price = _read_number(_POSITIVE, value)
    if price is None or not PRICE_MIN <= price <= PRICE_MAX:
        raise PayloadError(
            f'"{name}" must be a positive number in US dollars with a decimal point, up to {PRICE_MAX:,}, but it is'
            f' {shown(value)}. Write "{name}": "{{{{close}}}}", or leave the field out.'
        )
    return price


def _read_size(name: str, value: object, _: str) -> Decimal:
    if isinstance(value, str):
        refuse_placeholder(name, value)
    size = _read_number(_POSITIVE, value)
    if size is None or not 0 < size <= SIZE_MAX:
        raise PayloadError(
            f'"{name}" must be a number above zero with a decimal point, up to {SIZE_MAX:,}, but it is {shown(value)}.'
            " Correct it, or leave the field out."
        )
    return size


def _read_signed(name: str, value: object, _: str) -> Decimal:
    if isinstance(value, str):
        refuse_placeholder(name, value)
    number = _read_number(_SIGNED, value)
    if number is None or abs(number) > SIZE_MAX:
        raise PayloadError(
            f'"{name}" must be a number with a decimal point, but it is {shown(value)}. Correct it, or leave the field out.'
        )
    return number


def _read_seconds(name: str, value: object, _: str) -> timedelta | None:
    number = _read_number(_POSITIVE, value)
    if number is None or not 0 <= number <= 10_000_000:
        raise PayloadError(
            f'"{name}" must be a number of seconds, but it is {shown(value)}. Correct it, or leave the field out.'
        )
    return timedelta(seconds=float(number)) if number else None


def read_flag(name: str, value: object, _: str = "") -> bool:
    """Whether it is on. Raises PayloadError for what is neither on nor off."""
    word = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
    if word not in _TRUE | _FALSE:
        raise PayloadError(
            f'"{name}" must be true or false, but it is {shown(value)}. Nothing was traded. Correct it, or leave it out.'
        )
    return word in _TRUE


def _read_time(name: str, value: object, _: str) -> datetime:
    """ISO 8601 (UTC where no offset is given: TradingView's times are), or seconds or milliseconds since 1970."""
    moment: datetime | None = None
    if isinstance(value, str):
        refuse_placeholder(name, value)
        word = value.strip(" ")
        if _EPOCH_TIME.fullmatch(word):
            moment = _since_1970(Decimal(word))
        elif _ISO_TIME.fullmatch(word):
            moment = _iso_time(word)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        moment = _since_1970(Decimal(value))
    if moment is None or not TIME_MIN <= moment < TIME_MAX:
        raise PayloadError(
            f'"{name}" must be a moment like 2026-11-20T15:04:05Z, or seconds or milliseconds since 1970, but it is'
            f' {shown(value)}. Write "{name}": "{{{{timenow}}}}", or leave the field out.'
        )
    return moment


def _iso_time(word: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(word)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February; the year 1 moved by its offset
        return None


def _since_1970(number: Decimal) -> datetime | None:
    seconds = number / 1000 if number >= 10**11 else number
    if not 0 <= seconds < 10**11:
        return None
    return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _read_anything(name: str, value: object, _: str) -> object:
    return value


def one_of(shapes: Iterable[Any]) -> Any:
    """The union of these types."""
    union, *others = shapes
    for shape in others:
        union = union | shape
    return union


_ANY_NUMBER = Annotated[Decimal, Strict(), WithJsonSchema({"type": "number"})]
_BARE_NUMBER = one_of((StrictInt, _ANY_NUMBER))
_SPACED = "^ *({}) *$"

NAME: Kind[str] = Kind(_read_word, _pattern("[a-z][a-z0-9_-]{0,31}"))
ID: Kind[str] = Kind(_read_word, one_of((Annotated[str, StringConstraints(max_length=128)], StrictInt)))
TICKER: Kind[tuple[str | None, str]] = Kind(
    _read_ticker, _pattern(r"([A-Za-z_ ]+:)?[A-Za-z][A-Za-z0-9]{0,5}([. ][A-Za-z])?")
)
EXCHANGE: Kind[str | None] = Kind(_read_exchange, _pattern("[A-Za-z_ ]+"))
PRICE: Kind[Decimal] = Kind(
    _read_price, one_of((Annotated[str, StringConstraints(pattern=_SPACED.format(NUMBER))], _BARE_NUMBER))
)
SIZE: Kind[Decimal] = Kind(_read_size, PRICE.shape)
SECONDS: Kind[timedelta | None] = Kind(_read_seconds, PRICE.shape)
SIGNED: Kind[Decimal] = Kind(
    _read_signed, one_of((Annotated[str, StringConstraints(pattern=_SPACED.format(f"[+-]?({NUMBER})"))], _BARE_NUMBER))
)
TIME: Kind[datetime] = Kind(
    _read_time,
    one_of((Annotated[str, StringConstraints(pattern=_SPACED.format(f"{_ISO}|{_SINCE_1970}"))], _BARE_NUMBER)),
)
FLAG: Kind[bool] = Kind(read_flag, one_of((StrictBool, StrictInt, _pattern(alternatives(sorted(_TRUE | _FALSE))))))
ANYTHING: Kind[object] = Kind(_read_anything, Any)
