"""What a dialect is, and what all of them end in. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from tradebot.domain.instructions import MARKET_ORDER, NO_EXITS, Exits, Instruction, OrderTerms, PositionTarget, Size
from tradebot.domain.payload.aim import Action, aim
from tradebot.domain.payload.changing import refuse_left, says_test
from tradebot.domain.payload.fields import ID, NAME, Field, Fields
from tradebot.domain.payload.message import Form, Message, named_strategy
from tradebot.domain.payload.shown import shown
from tradebot.errors import PayloadError

_NAME = re.compile("[a-z][a-z0-9_-]{0,31}")

STRATEGY = Field("strategy", NAME, "ema", about="Which strategy the alert is for, where the address does not say it.")
ALERT_ID = Field(
    "alert_id",
    ID,
    "{{ticker}}-{{strategy.order.id}}-{{timenow}}",
    about="The sender's own name of the alert: each once.",
)


def _nothing(_: Mapping[str, object]) -> None:
    """A message that is recognised by its form lacks nothing."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to write alerts."""

    name: str
    title: str  # in a sentence: "a message of TradersPost"
    form: Form
    fields: tuple[Field[Any], ...]
    understand: Callable[[Message], Instruction]
    inside: Mapping[str, tuple[Field[Any], ...]] = field(default_factory=dict)  # the fields of objects in it
    lacks: Callable[[Mapping[str, object]], Field[Any] | None] = _nothing  # of what makes a JSON message one of these
    marks: frozenset[str] = frozenset()  # names by which one that lacks something is still recognised

    @property
    def names(self) -> tuple[str, ...]:
        """Of all fields, those of its objects included."""
        return tuple(one.name for group in (self.fields, *self.inside.values()) for one in group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a dialect has read, before action, target and size are put together."""

    action: Action
    listed: tuple[str | None, str]  # where it is listed, as far as it is said; the ticker in IB's form
    exchange: str | None = None
    size: Size | None = None
    target: PositionTarget | None = None
    order: OrderTerms = MARKET_ORDER
    exits: Exits = NO_EXITS
    price: Decimal | None = None
    alert_time: datetime | None = None
    unused: tuple[str, ...] = ()
    groups: tuple[Fields, ...] = field(default=())  # the objects inside the message that were read


def instruction(dialect: Dialect, message: Message, fields: Fields, wanted: Wanted) -> Instruction:
    """The instruction, once every field is accounted for. Raises PayloadError."""
    strategy = _strategy(dialect, message)
    verb, target, size = aim(wanted.action, wanted.target, wanted.size)
    test = any([says_test(one) for one in (fields, *wanted.groups)])  # noqa: C419 - a list: each is looked at
    refuse_left(fields, dialect.names, dialect.title, *wanted.groups)
    return Instruction(
        dialect=dialect.name,
        verb=verb,
        ticker=wanted.listed[1],
        primary_exchange=wanted.listed[0] or wanted.exchange,
        size=size,
        target=target,
        order=wanted.order,
        exits=wanted.exits,
        price=wanted.price,
        alert_time=wanted.alert_time,
        strategy=strategy,
        test=test,
        unused=wanted.unused,
    )


def _strategy(dialect: Dialect, message: Message) -> str | None:
    """The name that the message says, in a form that a strategy can have. Raises PayloadError."""
    written = (message.fields or {}).get("strategy")
    if isinstance(written, dict) and "strategy" in dialect.inside:
        return None
    name = named_strategy(message)
    if written not in (None, "") and (name is None or not _NAME.fullmatch(name)):
        raise PayloadError(
            f'"strategy" is {shown(written)}, which no strategy is called: names are lower-case letters, digits, - and _.'
            " Nothing was traded. Write the strategy's name, or leave the field out."
        )
    return name


def unused(fields: Fields, *names: str) -> tuple[str, ...]:
    """Which of these known fields are there, with their path; they change nothing."""
    return tuple(f"{fields.path}{name}" for name in names if fields.find(name) is not None)
