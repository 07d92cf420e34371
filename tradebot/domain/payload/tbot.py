"""The webhooks of TBOT on TradingBoat, made by its Pine library: a `direction` and a list of `metrics`. Pure.

Rules, as its repository has them:
- `direction` names the Pine function: strategy.entrylong buys, strategy.close and strategy.close_all sell at the market,
  strategy.exitlong only changes stop and target of what is held (refused: no alert changes them), strategy.entryshort sells
  short (here it exits), strategy.exitshort covers (refused), strategy.cancel and strategy.cancel_all cancel.
- `metrics` is a list of name and value: qty in shares, price, entry.limit and entry.stop of the order, exit.limit (target) and
  exit.stop (stop). A price of 0 or below is none; a qty of -1e10 means all that is held.
- `contract` must be a stock, `currency` USD. `orderRef`, `clientId` and `timeframe` change nothing here.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import create_model

from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.aim import Action
from tradebot.domain.payload.dialect import ALERT_ID, STRATEGY, Dialect, Wanted, instruction, unused
from tradebot.domain.payload.fields import (
    ANYTHING,
    PRICE,
    SIGNED,
    SIZE,
    TICKER,
    TIME,
    Field,
    Fields,
    Kind,
    lacking,
    words,
)
from tradebot.domain.payload.message import Form, Message
from tradebot.domain.payload.own import EXCHANGE_, TEST
from tradebot.domain.payload.shown import shown
from tradebot.domain.payload.terms import order, size_of
from tradebot.domain.terms import Exits, Level, LevelKind
from tradebot.errors import PayloadError

DIRECTIONS: Mapping[str, Action | None] = {
    "entrylong": Action.BUY,
    "entryshort": Action.SHORT,
    "exitshort": Action.COVER,
    "exitlong": None,
    "close": Action.EXIT,
    "close_all": Action.EXIT,
    "cancel": Action.CANCEL,
    "cancellong": Action.CANCEL,
    "cancel_all": Action.CANCEL,
}
NAMES = ("qty", "price", "entry.limit", "entry.stop", "exit.limit", "exit.stop")
_METRIC: Any = create_model(
    "Metric",
    name=(Literal["qty", "price", "entry.limit", "entry.stop", "exit.limit", "exit.stop"], ...),
    value=(SIGNED.shape | Literal[""] | None, None),
)
DIRECTION = Field(
    "direction",
    words(
        {f"strategy.{name}": (name, action) for name, action in DIRECTIONS.items()},
        "strategy.entrylong, strategy.close …",
    ),
    "strategy.entrylong",
    required=True,
)
TICKER_ = Field("ticker", TICKER, "{{ticker}}", required=True, about="A US stock or fund.")
METRICS = Field(
    "metrics",
    Kind(ANYTHING.read, list[_METRIC]),
    "[{name, value}, …]",
    required=True,
    about="Names and values: qty, price, entry.limit …",
)
TIMESTAMP = Field("timestamp", TIME, "{{timenow}}", about="When the alert was made.")
CONTRACT = Field("contract", words({"stock": True}, "stock: nothing else is traded"), "stock")
CURRENCY = Field("currency", words({"usd": True}, "USD: nothing else is traded"), "USD")

ALL_CONTRACTS = Decimal(-10_000_000_000)
"""TBOT_ALL_CONTRACTS_NUM: all that is held; in an entry there is no such quantity."""
METRICS_MAX = 50

FIELDS = (TICKER_, DIRECTION, METRICS, TIMESTAMP, CONTRACT, CURRENCY, EXCHANGE_, ALERT_ID, STRATEGY, TEST)


def understand(message: Message) -> Instruction:
    """Raises PayloadError."""
    fields = Fields(message.fields or {})
    listed, (name, action) = fields.need(TICKER_), fields.need(DIRECTION)
    fields.get(CONTRACT)
    fields.get(CURRENCY)
    metrics = _metrics(fields.need(METRICS))
    stop, target = _price(metrics, "exit.stop"), _price(metrics, "exit.limit")
    if action is None:
        raise PayloadError(
            "strategy.exitlong changes the stop or the target of what is held, and no alert changes them. Nothing was traded."
            " To sell what is held, write strategy.close."
        )
    wanted = Wanted(
        action=action,
        listed=listed,
        exchange=fields.get(EXCHANGE_),
        size=None if name == "close_all" else size_of(_quantity(metrics, action), None, "qty"),
        order=order(None, limit_price=_price(metrics, "entry.limit"), stop_price=_price(metrics, "entry.stop")),
        exits=Exits(
            stop_loss=None if stop is None else Level(LevelKind.PRICE, stop),
            take_profit=None if target is None else Level(LevelKind.PRICE, target),
        ),
        price=_price(metrics, "price"),
        alert_time=fields.get(TIMESTAMP),
        unused=unused(fields, "orderRef", "clientId", "timeframe"),
    )
    return instruction(DIALECT, message, fields, wanted)


def _metrics(value: object) -> Mapping[str, object]:
    """By name. Raises PayloadError for what is no list of names and values, for a name twice or one that is not known."""
    if not isinstance(value, list) or len(value) > METRICS_MAX:
        raise PayloadError('"metrics" must be a list of objects with name and value. Nothing was traded.')
    found: dict[str, object] = {}
    for metric in value:
        name = metric.get("name") if isinstance(metric, dict) else None
        if not isinstance(name, str) or name not in NAMES or name in found:
            raise PayloadError(
                f'"metrics" must be a list of objects with name and value, each name of {", ".join(NAMES)} at most once, but it'
                f" has {shown(name)}. Nothing was traded."
            )
        found[name] = metric.get("value")
    return found


def _number(metrics: Mapping[str, object], name: str) -> Decimal | None:
    value = metrics.get(name)
    if value is None or value == "":
        return None
    # One number stands for all that is held, and is larger than any that is read.
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and value == ALL_CONTRACTS:
        return ALL_CONTRACTS
    return SIGNED.read(f"metrics.{name}", value, "")


def _price(metrics: Mapping[str, object], name: str) -> Decimal | None:
    number = _number(metrics, name)
    return None if number is None or number <= 0 else PRICE.read(f"metrics.{name}", metrics[name], "")


def _quantity(metrics: Mapping[str, object], action: Action) -> Decimal | None:
    number = _number(metrics, "qty")
    if number is None or (number == ALL_CONTRACTS and action is not Action.BUY) or action is Action.CANCEL:
        return None
    return SIZE.read("metrics.qty", metrics["qty"], "")


def lacks(fields: Mapping[str, object]) -> Field[Any] | None:
    """`ticker`, `direction` and a list `metrics`."""
    missing = lacking(fields, TICKER_, DIRECTION)
    return missing or (None if isinstance(fields.get("metrics"), list) else METRICS)


DIALECT = Dialect(
    name="tbot",
    title="a message of TBOT",
    form=Form.JSON,
    fields=FIELDS,
    understand=understand,
    lacks=lacks,
    marks=frozenset({"direction", "metrics", "orderRef", "clientId"}),
)
