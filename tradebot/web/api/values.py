"""The kinds of value that the API gives and takes: amounts as strings, exact; moments in UTC; words where the bot has words."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import to_jsonable_python

from tradebot.domain.payload.symbols import symbol
from tradebot.domain.reasons import Reason
from tradebot.errors import PayloadError
from tradebot.words.reasons import reason

ID_MAX = 2**63 - 1
TICKER = r"^[A-Za-z][A-Za-z0-9]{0,5}([. ][A-Za-z])?$"
STRATEGY = r"^[a-z][a-z0-9_-]{0,31}$"


class Shown(BaseModel):
    """An answer, or a part of one; made from a record of the bot by its fields' names."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _exact(value: Decimal) -> str:
    """Without the zeros that a database puts at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _given_amount(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError('is no amount: write digits, in a string, such as "500.25"')  # noqa: TRY004 - pydantic's
    text = str(value)
    if (
        len(text) > 24
        or not text.isascii()
        or not text.replace(".", "", 1).isdigit()
        or text[0] == "."
        or text[-1] == "."
    ):
        raise ValueError('is no amount: write digits, in a string, such as "500.25"')
    return Decimal(text)


def _given_ticker(value: object) -> str:
    try:
        return symbol(str(value), "ticker")[1]
    except PayloadError as error:
        raise ValueError(str(error).removesuffix(".")) from None


def _why(value: object) -> object:
    return reason(value) if isinstance(value, Reason) else value


_AMOUNT = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["200.02"]}
Amount = Annotated[Decimal, PlainSerializer(_exact, return_type=str), WithJsonSchema(_AMOUNT)]
GivenAmount = Annotated[
    Decimal,
    BeforeValidator(_given_amount),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,6})?$", "examples": ["500.25"]}),
]
"""Taken as a string, or as a whole number of JSON; never negative."""
Moment = Annotated[
    datetime, PlainSerializer(_utc, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]
Why = Annotated[str | None, BeforeValidator(_why)]
"""A code and facts, as a sentence."""
Json = Annotated[Any, BeforeValidator(to_jsonable_python), WithJsonSchema({"description": "JSON as it is stored"})]
Ticker = Annotated[
    str, BeforeValidator(_given_ticker), WithJsonSchema({"type": "string", "pattern": TICKER, "examples": ["AAPL"]})
]
StrategyName = Annotated[str, Field(pattern=STRATEGY, examples=["main"])]
