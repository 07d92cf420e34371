"""The bot's own alerts: `{"action": "buy", "ticker": "AAPL"}`, and what else they may say. Pure.

Rules:
- `action` (buy, sell, exit, close, flat) and `ticker`; a price and a time feed the checks. Every other field is optional.
- Names in `snake_case`; letter case, `_` and `-` do not matter, but in `action`, `ticker`, `exchange`, `price`, `time` and
  `alert_id`.
- The position that is wanted (`market_position` and its size, before and after) may stand one level down too, in `strategy` or
  `strategy_info`, as TradingView users write it.
- `quantity` counts shares unless `quantity_type` says otherwise.
- Words in comments, names and ids never trade.
"""

from collections.abc import Mapping
from typing import Any

from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.aim import OWN_ACTIONS, POSITION_FIELDS, SHORT_ACTIONS, position
from tradebot.domain.payload.dialect import ALERT_ID, STRATEGY, Dialect, Wanted, instruction, unused
from tradebot.domain.payload.fields import (
    EXCHANGE,
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
from tradebot.domain.payload.terms import (
    AMOUNT_OR_PERCENT,
    ORDER_TYPE,
    PRICE_OR_PERCENT,
    SIZE_KIND,
    TIME_IN_FORCE,
    level_of,
    one_level,
    order,
    size_of,
)
from tradebot.domain.terms import Exits, LevelKind

ACTION = Field(
    "action",
    words({**OWN_ACTIONS, **SHORT_ACTIONS}, "BUY or SELL, or else exit, close or flat"),
    "{{strategy.order.action}}",
    required=True,
    about="What to do.",
)
TICKER_ = Field(
    "ticker", TICKER, "{{ticker}}", required=True, about='A US stock or fund, such as "AAPL" or "NASDAQ:AAPL".'
)
EXCHANGE_ = Field("exchange", EXCHANGE, "{{exchange}}", about="Where it is listed.")
PRICE_ = Field("price", PRICE, "{{close}}", about="USD; the order is refused where the market is far from it.")
TIME_ = Field("time", TIME, "{{timenow}}", about="When the alert was sent.")

QUANTITY = Field("quantity", SIZE, "{{strategy.order.contracts}}", about="How much.")
QUANTITY_TYPE = Field("quantity_type", SIZE_KIND, "fixed_quantity", about="What the quantity counts.")
ORDER_TYPE_ = Field("order_type", ORDER_TYPE, "market")
LIMIT_PRICE = Field("limit_price", PRICE, "{{close}}", about="USD.")
STOP_PRICE = Field("stop_price", PRICE, "{{close}}", about="USD.")
TRAIL_AMOUNT = Field("trail_amount", SIZE, "1", about="USD a share.")
TRAIL_PERCENT = Field("trail_percent", SIZE, "1")
TIME_IN_FORCE_ = Field("time_in_force", TIME_IN_FORCE, "day")
EXTENDED_HOURS = Field("extended_hours", FLAG, "false")
CANCEL_AFTER = Field("cancel_after", SECONDS, "60", about="Seconds.")
DELAY = Field("delay", SECONDS, "5", about="Seconds.")
STOP_LOSS = Field("stop_loss", PRICE_OR_PERCENT, "5%", about="A price in USD, or a percentage of the entry.")
STOP_LOSS_PRICE = Field("stop_loss_price", PRICE, "{{plot_0}}", about="USD.")
STOP_LOSS_PERCENT = Field("stop_loss_percent", SIZE, "5")
STOP_LOSS_AMOUNT = Field("stop_loss_amount", SIZE, "12", about="USD a share below the entry.")
TAKE_PROFIT = Field("take_profit", PRICE_OR_PERCENT, "10%", about="A price in USD, or a percentage of the entry.")
TAKE_PROFIT_PRICE = Field("take_profit_price", PRICE, "{{plot_1}}", about="USD.")
TAKE_PROFIT_PERCENT = Field("take_profit_percent", SIZE, "10")
TAKE_PROFIT_AMOUNT = Field("take_profit_amount", SIZE, "20", about="USD a share above the entry.")
TRAILING_STOP = Field("trailing_stop", AMOUNT_OR_PERCENT, "5%", about="USD a share, or a percentage.")
TEST = Field("test", FLAG, "true", about="Judged and told, never sent.")

COMMON = (
    *(EXCHANGE_, PRICE_, TIME_, ALERT_ID, STRATEGY, TEST, QUANTITY, QUANTITY_TYPE, *POSITION_FIELDS),
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
    *(
        STOP_LOSS,
        STOP_LOSS_PRICE,
        STOP_LOSS_PERCENT,
        STOP_LOSS_AMOUNT,
        TAKE_PROFIT,
        TAKE_PROFIT_PRICE,
        TAKE_PROFIT_PERCENT,
        TAKE_PROFIT_AMOUNT,
        TRAILING_STOP,
    ),
)


def understand(message: Message) -> Instruction:
    """Raises PayloadError."""
    fields = Fields(message.fields or {})
    listed, action = fields.need(TICKER_), fields.need(ACTION)
    wanted = common(fields, Wanted(action=action, listed=listed))
    return instruction(DIALECT, message, fields, wanted)


def common(exact: Fields, begun: Wanted) -> Wanted:
    """All that is said beside what to do with which stock. Raises PayloadError."""
    fields = Fields(exact.given, any_spelling=True, taken=exact.taken)
    groups = tuple(inner for name in ("strategy", "strategy_info") if (inner := fields.inside(name)) is not None)
    target = position(fields, *groups)
    price, time = exact.get(PRICE_), exact.get(TIME_)
    return Wanted(
        action=begun.action,
        listed=begun.listed,
        exchange=exact.get(EXCHANGE_),
        size=begun.size or size_of(fields.get(QUANTITY), fields.get(QUANTITY_TYPE)),
        target=target,
        order=order(
            fields.get(ORDER_TYPE_),
            limit_price=fields.get(LIMIT_PRICE),
            stop_price=fields.get(STOP_PRICE),
            trailing=one_level(
                "the distance of its trailing stop",
                level_of(fields, LevelKind.AMOUNT, TRAIL_AMOUNT),
                level_of(fields, LevelKind.PERCENT, TRAIL_PERCENT),
            ),
            tif=fields.get(TIME_IN_FORCE_),
            outside_rth=fields.get(EXTENDED_HOURS),
            cancel_after=fields.get(CANCEL_AFTER),
            delay=fields.get(DELAY),
        ),
        exits=exits(fields),
        price=price,
        alert_time=time,
        unused=() if target is not None else unused(fields, "prev_market_position", "prev_market_position_size"),
        groups=groups,
    )


def exits(fields: Fields) -> Exits:
    """What is to protect the entry. Raises PayloadError."""
    return Exits(
        stop_loss=one_level(
            "the stop-loss",
            fields.get(STOP_LOSS),
            level_of(fields, LevelKind.PRICE, STOP_LOSS_PRICE),
            level_of(fields, LevelKind.PERCENT, STOP_LOSS_PERCENT),
            level_of(fields, LevelKind.AMOUNT, STOP_LOSS_AMOUNT),
        ),
        trailing=fields.get(TRAILING_STOP),
        take_profit=one_level(
            "the take-profit",
            fields.get(TAKE_PROFIT),
            level_of(fields, LevelKind.PRICE, TAKE_PROFIT_PRICE),
            level_of(fields, LevelKind.PERCENT, TAKE_PROFIT_PERCENT),
            level_of(fields, LevelKind.AMOUNT, TAKE_PROFIT_AMOUNT),
        ),
    )


def lacks(fields: Mapping[str, object]) -> Field[Any] | None:
    """What a message needs to be the bot's own; `dialects.py` sees to it that TradersPost's are taken for TradersPost's."""
    return lacking(fields, ACTION, TICKER_)


DIALECT = Dialect(
    name="own",
    title="a message of the bot's own kind",
    form=Form.JSON,
    fields=(ACTION, TICKER_, *COMMON),
    inside={"strategy": POSITION_FIELDS, "strategy_info": POSITION_FIELDS},
    understand=understand,
    lacks=lacks,
    marks=frozenset({"action", "ticker"}),
)
