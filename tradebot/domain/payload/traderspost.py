"""TradersPost's signals. Pure.

Rules, as its documentation ("Signal Message Reference", "Order Behavior") has them:
- `ticker` and `action` are required; names are case-sensitive, unknown ones are ignored there. Here an unknown name that would
  change the trade refuses (`changing.py`).
- buy goes long, sell closes (and goes short there, never here), exit closes and never opens, add adds to what is held.
- `sentiment` is the position wanted after a buy or sell: flat closes all; the same side with a quantity is a partial exit.
- `quantity` counts shares unless `quantityType` says otherwise. `signalPrice`, else `price`, is the market's price at the signal.
- `stopLoss` is one of percent, amount, stopPrice (with `limitPrice` for stop_limit), or of trailAmount, trailPercent for
  trailing_stop; `takeProfit` is one of limitPrice, percent, amount.
- Options, futures and formulas ("=…") are not traded here.
- TradingView's `market_position` beside these fields counts as a second word for `sentiment`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.aim import OWN_ACTIONS, POSITION_FIELDS, SENTIMENT, Action, position
from tradebot.domain.payload.dialect import ALERT_ID, STRATEGY, Dialect, Wanted, instruction, unused
from tradebot.domain.payload.fields import (
    ANYTHING,
    FLAG,
    PRICE,
    SECONDS,
    SIZE,
    TICKER,
    TIME,
    Field,
    Fields,
    lacking,
    words,
)
from tradebot.domain.payload.message import Form, Message
from tradebot.domain.payload.own import EXCHANGE_
from tradebot.domain.payload.shown import shown
from tradebot.domain.payload.terms import ORDER_TYPE, SIZE_KIND, TIME_IN_FORCE, level_of, one_level, order, size_of
from tradebot.domain.terms import Exits, Level, LevelKind
from tradebot.errors import PayloadError

ONLY_HERE: Mapping[str, Action] = {"add": Action.ADD, "reverse": Action.REVERSE, "breakeven": Action.BREAKEVEN}
"""Actions by which a message without any other mark is TradersPost's."""

ACTION = Field(
    "action",
    words({**OWN_ACTIONS, **ONLY_HERE}, "buy, sell, exit or add"),
    "{{strategy.order.action}}",
    required=True,
    about="What to do.",
)
TICKER_ = Field("ticker", TICKER, "{{ticker}}", required=True, about="A US stock or fund.")
QUANTITY = Field("quantity", SIZE, "{{strategy.order.contracts}}", about="How much.")
QUANTITY_TYPE = Field("quantityType", SIZE_KIND, "fixed_quantity", about="What the quantity counts.")
PRICE_ = Field("price", PRICE, "{{close}}", about="USD; the market's price at the signal.")
SIGNAL_PRICE = Field("signalPrice", PRICE, "{{close}}", about="The same; it counts before price.")
TIME_ = Field("time", TIME, "{{timenow}}", about="When the signal was made.")
ORDER_TYPE_ = Field("orderType", ORDER_TYPE, "market")
LIMIT_PRICE = Field("limitPrice", PRICE, "{{close}}", about="USD.")
STOP_PRICE = Field("stopPrice", PRICE, "{{close}}", about="USD.")
TRAIL_AMOUNT = Field("trailAmount", SIZE, "1", about="USD a share.")
TRAIL_PERCENT = Field("trailPercent", SIZE, "1")
TIME_IN_FORCE_ = Field("timeInForce", TIME_IN_FORCE, "day")
EXTENDED_HOURS = Field("extendedHours", FLAG, "false")
CANCEL_AFTER = Field("cancelAfter", SECONDS, "60", about="Seconds.")
DELAY = Field("delay", SECONDS, "5", about="Seconds.")
TEST = Field("test", FLAG, "true", about="Judged and told, never sent.")
STOP_LOSS = Field(
    "stopLoss", ANYTHING, about="An object: type, percent, amount, stopPrice, limitPrice, trailAmount, trailPercent."
)
TAKE_PROFIT = Field("takeProfit", ANYTHING, about="An object: one of limitPrice, percent, amount.")

_STOP_TYPES = ("stop", "stop_limit", "trailing_stop")
STOP_TYPE = Field("type", words({name: name for name in _STOP_TYPES}, "stop, stop_limit or trailing_stop"), "stop")
PERCENT = Field("percent", SIZE, "5")
AMOUNT = Field("amount", SIZE, "1")

_UNUSED = ("cancel", "ignoreTradingWindows", "marketPriceType", "breakevenOffset")
_OPTIONS = ("optionType", "intrinsicValue", "expiration", "strikeCount", "strikesAway", "strikePrice")

FIELDS = (
    *(
        ACTION,
        TICKER_,
        SENTIMENT,
        QUANTITY,
        QUANTITY_TYPE,
        PRICE_,
        SIGNAL_PRICE,
        TIME_,
        EXCHANGE_,
        ALERT_ID,
        STRATEGY,
        TEST,
    ),
    *(
        ORDER_TYPE_,
        LIMIT_PRICE,
        STOP_PRICE,
        TRAIL_AMOUNT,
        TRAIL_PERCENT,
        TIME_IN_FORCE_,
        EXTENDED_HOURS,
        CANCEL_AFTER,
        DELAY,
    ),
    *(STOP_LOSS, TAKE_PROFIT, *POSITION_FIELDS),
)
MARKS = frozenset(
    {
        *(
            "sentiment",
            "quantityType",
            "signalPrice",
            "orderType",
            "limitPrice",
            "stopPrice",
            "trailAmount",
            "trailPercent",
        ),
        *("timeInForce", "extendedHours", "cancelAfter", "stopLoss", "takeProfit", *_UNUSED[1:], *_OPTIONS),
    }
)
"""Names by which a message with `ticker` and `action` is TradersPost's, and not the bot's own."""


def understand(message: Message) -> Instruction:
    """Raises PayloadError."""
    fields = Fields(message.fields or {})
    _refuse_formulas(fields)
    if (option := next((name for name in _OPTIONS if fields.find(name)), None)) is not None:
        raise PayloadError(f'"{option}" is there: options are not traded, only stocks and funds. Nothing was traded.')
    listed, action = fields.need(TICKER_), fields.need(ACTION)
    inner = tuple(found for name in ("strategy", "strategy_info") if (found := fields.inside(name)) is not None)
    stop, target = fields.inside("stopLoss"), fields.inside("takeProfit")
    wanted_position = position(fields, *inner)
    left_out = ("prev_market_position", "prev_market_position_size") if wanted_position is None else ()
    price = fields.get(PRICE_)
    wanted = Wanted(
        action=action,
        listed=listed,
        exchange=fields.get(EXCHANGE_),
        size=size_of(fields.get(QUANTITY), fields.get(QUANTITY_TYPE)),
        target=wanted_position,
        order=order(
            fields.get(ORDER_TYPE_),
            limit_price=fields.get(LIMIT_PRICE),
            stop_price=fields.get(STOP_PRICE),
            trailing=_distance(fields),
            tif=fields.get(TIME_IN_FORCE_),
            outside_rth=fields.get(EXTENDED_HOURS),
            cancel_after=fields.get(CANCEL_AFTER),
            delay=fields.get(DELAY),
        ),
        exits=replace(_stop_loss(stop), take_profit=_take_profit(target)),
        price=fields.get(SIGNAL_PRICE) or price,
        alert_time=fields.get(TIME_),
        unused=unused(fields, *_UNUSED, *left_out),
        groups=(*inner, *(part for part in (stop, target) if part is not None)),
    )
    return instruction(DIALECT, message, fields, wanted)


def _refuse_formulas(fields: Fields) -> None:
    for name, value in fields.given.items():
        if isinstance(value, str) and value.lstrip().startswith("=") and name in MARKS | {"quantity", "price"}:
            raise PayloadError(
                f'"{name}" is {shown(value)}: formulas are not computed here. Nothing was traded. Send the value.'
            )


def _distance(fields: Fields) -> Level | None:
    return one_level(
        "the distance of a trailing stop",
        level_of(fields, LevelKind.AMOUNT, TRAIL_AMOUNT),
        level_of(fields, LevelKind.PERCENT, TRAIL_PERCENT),
    )


def _stop_loss(part: Fields | None) -> Exits:
    if part is None or not part.given:
        return Exits()
    kind = part.get(STOP_TYPE) or "stop"
    level = one_level(
        "the stop-loss",
        level_of(part, LevelKind.PRICE, STOP_PRICE),
        level_of(part, LevelKind.PERCENT, PERCENT),
        level_of(part, LevelKind.AMOUNT, AMOUNT),
    )
    limit, trailing = part.get(LIMIT_PRICE), _distance(part)
    _refuse_unread(part, "stopLoss")
    fits = {
        "stop": level is not None and limit is None and trailing is None,
        "stop_limit": level is not None and limit is not None and trailing is None,
        "trailing_stop": level is None and limit is None and trailing is not None,
    }
    if not fits[kind]:
        raise PayloadError(
            f'"stopLoss" of the type {kind} does not fit what else it has: stop needs one of stopPrice, percent and amount;'
            " stop_limit limitPrice too; trailing_stop one of trailAmount and trailPercent. Nothing was traded."
        )
    return Exits(stop_loss=level, stop_limit=limit, trailing=trailing)


def _take_profit(part: Fields | None) -> Level | None:
    if part is None or not part.given:
        return None
    level = one_level(
        "the take-profit",
        level_of(part, LevelKind.PRICE, LIMIT_PRICE),
        level_of(part, LevelKind.PERCENT, PERCENT),
        level_of(part, LevelKind.AMOUNT, AMOUNT),
    )
    _refuse_unread(part, "takeProfit")
    if level is None:
        raise PayloadError('"takeProfit" needs one of limitPrice, percent and amount. Nothing was traded.')
    return level


def _refuse_unread(part: Fields, name: str) -> None:
    """A stop with a word that nobody has read may be another stop than is meant."""
    if (other := next((written for written, value in part.left() if value not in (None, "")), None)) is not None:
        raise PayloadError(
            f'"{name}" has the field {shown(other)}, which is not known. Nothing was traded. Leave it out.'
        )


def lacks(fields: Mapping[str, object]) -> Field[Any] | None:
    """What a message with a mark of TradersPost's needs."""
    return lacking(fields, ACTION, TICKER_)


def is_marked(fields: Mapping[str, object]) -> bool:
    """Whether a field or the action is one that only TradersPost has."""
    action = fields.get("action")
    return not MARKS.isdisjoint(fields) or (isinstance(action, str) and action.strip().lower() in ONLY_HERE)


DIALECT = Dialect(
    name="traderspost",
    title="a message of TradersPost",
    form=Form.JSON,
    fields=FIELDS,
    inside={
        "stopLoss": (STOP_TYPE, STOP_PRICE, PERCENT, AMOUNT, LIMIT_PRICE, TRAIL_AMOUNT, TRAIL_PERCENT),
        "takeProfit": (LIMIT_PRICE, PERCENT, AMOUNT),
        "strategy": POSITION_FIELDS,
        "strategy_info": POSITION_FIELDS,
    },
    understand=understand,
    lacks=lacks,
    marks=MARKS,
)
